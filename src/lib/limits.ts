/** The most bytes that something from outside may have. */
export interface SizeLimit {
  readonly bytes: number;
  /** The error for what is larger; `announced` is its size where that is known before it is read. */
  exceeded(announced?: number): Error;
}

/** The limit that a setting sets; `toError` makes an error of the message. */
export function settingLimit(setting: string, bytes: number, toError: (message: string) => Error): SizeLimit {
  return {
    bytes,
    exceeded(announced) {
      const has = announced === undefined ? "more bytes than" : `${announced} bytes, more than`;
      return toError(`it has ${has} ${setting} (${bytes}) allows`);
    },
  };
}

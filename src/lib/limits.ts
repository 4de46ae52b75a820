/** The most bytes that something from outside may have. */
export interface SizeLimit {
  readonly bytes: number;
  /** The failure of what is larger; `announced` is its size where that is known before it is read. */
  exceeded(announced?: number): Error;
}

/** The limit of a setting; `failure` makes the error of its words. */
export function settingLimit(setting: string, bytes: number, failure: (words: string) => Error): SizeLimit {
  return {
    bytes,
    exceeded(announced) {
      const has = announced === undefined ? "more bytes than" : `${announced} bytes, more than`;
      return failure(`it has ${has} ${setting} (${bytes}) allows`);
    },
  };
}

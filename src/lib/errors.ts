/** Whether `error` is a system or library error with that `code`, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** Go's messages for system errors, which users know from the original. */
const SYSTEM_MESSAGES: Readonly<Record<string, string>> = {
  E2BIG: "argument list too long",
  EACCES: "permission denied",
  EADDRNOTAVAIL: "cannot assign requested address",
  EAGAIN: "resource temporarily unavailable",
  EHOSTUNREACH: "no route to host",
  EIO: "input/output error",
  EISDIR: "is a directory",
  ELOOP: "too many levels of symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "file name too long",
  ENETDOWN: "network is down",
  ENETUNREACH: "network is unreachable",
  ENFILE: "too many open files in system",
  ENOENT: "no such file or directory",
  ENOMEM: "cannot allocate memory",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  ERR_INVALID_ARG_VALUE: "invalid argument",
  ETIMEDOUT: "connection timed out",
};

/** A short message for a system error; its code where there is none. */
export function systemMessage(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  return SYSTEM_MESSAGES[code] ?? code;
}

/** The encodings of Unicode that can be told from a text's first bytes; UTF-8 is the one without a sign. */
type TextEncoding = "UTF-8" | "UTF-16LE" | "UTF-16BE" | "UTF-32";

interface FoundEncoding {
  readonly encoding: TextEncoding;
  /** Bytes of the byte order mark at the beginning. */
  readonly markBytes: number;
}

/**
 * By the byte order mark, else by where a zero is: programs on Windows write UTF-16 with a mark (a redirection in
 * PowerShell) and without one (.NET's Encoding.Unicode), and no text in UTF-8 that is for us has a zero.
 */
export function encodingOf(bytes: Buffer): FoundEncoding {
  const [first = 1, second = 1, third = 1, fourth = 1] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return { encoding: "UTF-8", markBytes: 3 };
  if (first === 0xff && second === 0xfe) {
    return third === 0 && fourth === 0 ? { encoding: "UTF-32", markBytes: 4 } : { encoding: "UTF-16LE", markBytes: 2 };
  }
  if (first === 0xfe && second === 0xff) return { encoding: "UTF-16BE", markBytes: 2 };
  if (first === 0 && second === 0) return { encoding: "UTF-32", markBytes: 0 };
  if (first === 0) return { encoding: "UTF-16BE", markBytes: 0 };
  if (second === 0) return { encoding: third === 0 ? "UTF-32" : "UTF-16LE", markBytes: 0 };
  return { encoding: "UTF-8", markBytes: 0 };
}

/** The text without its byte order mark. UTF-32, which nothing writes by itself, is not read: as if it were UTF-8. */
export function decodeText(bytes: Buffer): string {
  const { encoding, markBytes } = encodingOf(bytes);
  const text = bytes.subarray(markBytes);
  if (encoding === "UTF-16LE") return text.toString("utf16le");
  if (encoding !== "UTF-16BE") return text.toString("utf8");
  const even = text.subarray(0, text.length - (text.length % 2));
  return Buffer.from(even).swap16().toString("utf16le");
}

import type { Duplex } from "node:stream";

/**
 * Mends what Node's parser refuses even when it is lenient, in the head of each reply: a length that is there twice, and
 * blanks before a colon. Safe here: each connection carries one reply, so there is no next one that a wrong reading of
 * this one could smuggle in.
 *
 * Node parses what a stream pushes, be it of a TCP or of a TLS connection, so that is where it is done: up to the end
 * of the head, after which the stream is as it was.
 *
 * @param maxBytes of a head; the parser refuses a larger one, which is passed on as it is
 */
export function mendReplyHead(stream: Duplex, maxBytes: number): void {
  let held = Buffer.alloc(0);
  let searched = 0;
  const pass = (bytes: Buffer | null) => {
    Reflect.deleteProperty(stream, "push");
    return stream.push(bytes);
  };
  stream.push = (chunk: Buffer | null) => {
    if (chunk === null) return (held.length === 0 || pass(held)) && pass(null);
    held = Buffer.concat([held, chunk]);
    for (let end = endOfHead(held, searched); end !== -1; end = endOfHead(held, 0)) {
      const head = mended(held.toString("latin1", 0, end));
      held = Buffer.concat([Buffer.from(head, "latin1"), held.subarray(end)]);
      if (!isInterim(head)) return pass(held);
      const interim = held.subarray(0, head.length);
      held = held.subarray(head.length);
      const push = stream.push;
      pass(interim);
      stream.push = push;
    }
    searched = Math.max(0, held.length - 3);
    return held.length > maxBytes ? pass(held) : true;
  };
}

/** After the empty line; -1 where it has not come. Lines may end in LF alone. */
function endOfHead(bytes: Buffer, from: number): number {
  const ends = [bytes.indexOf("\n\r\n", from) + 3, bytes.indexOf("\n\n", from) + 2].filter((end) => end > 2);
  return ends.length === 0 ? -1 : Math.min(...ends);
}

/** Another head follows: that of the reply. */
function isInterim(head: string): boolean {
  return /^HTTP\/1\.\d 1(?!01)/.test(head);
}

function mended(head: string): string {
  const [start = "", ...lines] = head.split("\n");
  let length: string | undefined;
  const kept = lines.map(withoutBlanks).filter((line, index) => {
    if (!/^content-length:/i.test(line) || /^[ \t]/.test(lines[index + 1] ?? "")) return true;
    const value = line.slice("content-length:".length).trim();
    const isRepeated = value === length;
    length ??= value;
    return !isRepeated;
  });
  return [start, ...kept].join("\n");
}

/** Of a name. A line that begins with a blank goes on with the value of the one before. */
function withoutBlanks(line: string): string {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon)).trimEnd();
  return name === "" || /[ \t]/.test(name) ? line : name + line.slice(colon);
}

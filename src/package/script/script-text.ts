import { decodeText, encodingOf } from "../../lib/text-encoding.ts";

/** The one that the server runs, at the root of a zip. */
export const SCRIPT = "install.sh";

/** What keeps sh from reading a text as it was meant. */
export interface TextFault {
  /** Follows the file's name. */
  readonly what: string;
  /** Whether it is only how the text was saved, so that there is one way to put it right. */
  readonly isConvertible: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * What is wrong with a shell script's bytes. sh would run it all the same: the carriage return becomes a part of the
 * last word of each line, and the script ends with success and files named `target.txt\r`.
 */
export function scriptFault(bytes: Buffer): TextFault | undefined {
  const { encoding, markBytes } = encodingOf(bytes);
  if (encoding === "UTF-32") return { what: "is UTF-32 text", isConvertible: false };
  if (encoding !== "UTF-8") return { what: "is UTF-16 text", isConvertible: true };
  const script = withoutPayload(bytes.subarray(markBytes));
  if (script.includes(0)) return { what: "has NUL characters", isConvertible: false };
  if (script.includes(CR) && !script.includes(LF)) return { what: "has line ends of CR alone", isConvertible: true };
  const line = firstWindowsLine(script);
  if (line !== undefined) return { what: `has Windows line ends (CRLF, first in line ${line})`, isConvertible: true };
  return markBytes > 0 ? { what: "begins with a byte order mark (BOM)", isConvertible: true } : undefined;
}

/** The same script as sh takes it: UTF-8 without a byte order mark, its lines ended by LF; a payload as it is. */
export function convertedScript(bytes: Buffer): Buffer {
  const script = encodingOf(bytes).encoding === "UTF-8" ? withoutPayload(bytes) : bytes;
  const text = decodeText(script);
  const lines = text.includes("\n") ? text.replaceAll(/\r(?=\n|$)/g, "") : text.replaceAll("\r", "\n");
  return Buffer.concat([Buffer.from(lines), bytes.subarray(script.length)]);
}

/** Not indented, so not what one branch does. */
const LEAVES = /(?:^|;[ \t]*)(?:exit|exec)\b/;

/**
 * The lines before binary data that a self-extracting script carries behind its `exit`: sh never gets there. All of it
 * where there is no such line before the first NUL.
 */
function withoutPayload(bytes: Buffer): Buffer {
  const nul = bytes.indexOf(0);
  if (nul === -1) return bytes;
  for (let end = bytes.lastIndexOf(LF, nul); end > 0; ) {
    const start = bytes.lastIndexOf(LF, end - 1) + 1;
    if (LEAVES.test(bytes.toString("latin1", start, Math.min(end, start + MAX_LEAVING_LINE)))) {
      return bytes.subarray(0, end + 1);
    }
    end = start - 1;
  }
  return bytes;
}

const MAX_LEAVING_LINE = 200;

/** The body of a here-document is data: it may be meant to have such lines. `<<<` and `1<<2` are none. */
const HERE_WORD = /^<<-? ?["']?([A-Za-z_]\w*)/;

/** The number of the first line that sh would read with a carriage return at its end. */
function firstWindowsLine(script: Buffer): number | undefined {
  if (!script.includes(CR)) return undefined;
  const lines = script.toString("latin1").split("\n");
  const positions = new Map<string, number>(); // of the last line that may end a here-document
  for (const [index, line] of lines.entries()) if (/^\t*[A-Za-z_]\w*$/.test(line)) positions.set(line.trim(), index);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const isComment = line.trimStart().startsWith("#");
    if (line.endsWith("\r") && !isComment) return index + 1;
    const word = isComment ? undefined : HERE_WORD.exec(line.slice(Math.max(0, line.indexOf("<<"))))?.[1];
    if (word !== undefined && (positions.get(word) ?? 0) > index) {
      do index += 1;
      while (lines[index]?.replace(/^\t+/, "") !== word);
    }
  }
  return undefined;
}

/** Commands that read the word after them as a shell script. */
const READERS: ReadonlySet<string> = new Set(["sh", "bash", "dash", "ash"]);
/** The same for whatever the command names, such as `. "$(dirname "$0")/env"`. */
const SOURCES: ReadonlySet<string> = new Set([".", "source"]);
const COMMAND_END = /[\n;&|]+/;
const WORD_END = /[\s"'`()<>]+/;

interface NamedFiles {
  /** The last parts of all words. */
  readonly words: ReadonlySet<string>;
  /** Of those that a shell is told to read. */
  readonly read: ReadonlySet<string>;
}

/** Which files a script may run, by their names without folders: `"$DIR/lib/setup.sh"` names setup.sh. */
export function namedFiles(bytes: Buffer): NamedFiles {
  const words = new Set<string>();
  const read = new Set<string>();
  for (const command of decodeText(withoutPayload(bytes)).split(COMMAND_END)) {
    let previous = "";
    let isSource = false;
    for (const token of command.split(WORD_END)) {
      const name = lastPart(token);
      if (name === "" || token.startsWith("-")) continue; // an option of the command before it
      words.add(name);
      if (isSource || READERS.has(previous)) read.add(name);
      isSource ||= previous === "" && SOURCES.has(token);
      previous = name;
    }
  }
  return { words, read };
}

const SHELLS: ReadonlySet<string> = new Set(["sh", "bash", "dash", "ash", "ksh", "zsh"]);

/** Whether a file is a shell script, by its name or its first line. */
export function isShellScript(name: string, head: Buffer): boolean {
  if (/\.(?:sh|bash)$/i.test(name)) return true;
  const [firstLine = ""] = decodeText(head).split("\n");
  if (!firstLine.startsWith("#!")) return false;
  const [program = "", argument = ""] = firstLine
    .slice(2)
    .trim()
    .split(/[ \t]+/, 2)
    .map(lastPart);
  return SHELLS.has(program) || (program === "env" && SHELLS.has(argument));
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

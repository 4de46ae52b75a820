import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { dropTemporaries, replaceFile } from "../lib/durable.ts";
import { hasCode } from "../lib/errors.ts";
import { OPEN_WITHOUT_WAITING } from "../lib/files.ts";
import type { Log } from "../lib/log.ts";
import type { JobView } from "./job.ts";
import { type RecordLine, readLines, toLine } from "./job-record.ts";
import { makeJobsFolder } from "./jobs-folder.ts";

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
const APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

interface FileLimits {
  /** The file is written anew when it has grown to this, and to twice what it had then. */
  readonly rewriteBytes: number;
  /** What is read of a file: its end. */
  readonly maxReadBytes: number;
  /** What waits for a disk that does not write; further lines are left out. */
  readonly maxWaitingBytes: number;
}

/** Lines wait so long for others: a small install has seven of them, which is then one write. */
const GATHER_MS = 50;

/** The last hundred jobs with their stages have about a tenth of the first. */
const LIMITS: FileLimits = {
  rewriteBytes: 1024 * 1024,
  maxReadBytes: 32 * 1024 * 1024,
  maxWaitingBytes: 8 * 1024 * 1024,
};

/**
 * The record of jobs: a file of JSON lines to which each process adds its own. It is not synced, since it is not what the
 * plugins depend on: a kill loses nothing of it, a power cut may. No failure of it is a failure of a change: the first
 * one is logged, until it can be written again.
 */
export class JobRecordFile {
  readonly #file: string;
  readonly #log: Log;
  readonly #limits: FileLimits;
  #handle: FileHandle | undefined;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #gathering: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #bytes = 0;
  #rewriteAt: number;
  #isFailing = false;
  #isUnread = false;
  #isClosed = false;

  constructor(file: string, log: Log, limits: FileLimits = LIMITS) {
    this.#file = file;
    this.#log = log;
    this.#limits = limits;
    this.#rewriteAt = limits.rewriteBytes;
  }

  /** Whether it is time for `rewrite`. */
  get isLong(): boolean {
    return this.#bytes >= this.#rewriteAt;
  }

  /** Takes a line to be written soon, with others that come meanwhile in one write. */
  add(line: RecordLine): void {
    if (this.#isClosed) return;
    const json = toLine(line);
    if (this.#waitingBytes + json.length > this.#limits.maxWaitingBytes) return;
    this.#waiting.push(json);
    this.#waitingBytes += json.length;
    this.#gathering ??= setTimeout(() => this.#begin(), GATHER_MS).unref();
  }

  /** Writes all lines so far. Resolves when they are written, or could not be. */
  async written(): Promise<void> {
    this.#begin();
    while (this.#writing !== undefined) await this.#writing;
  }

  /** The jobs in it, in the order in which they came. @returns undefined where it can't be read, which is logged once */
  async read(): Promise<JobView[] | undefined> {
    await this.written();
    try {
      return await readLines(await this.#readEnd());
    } catch (err) {
      if (hasCode(err, "ENOENT")) return [];
      if (!this.#isUnread) this.#log.error({ err }, "the record of earlier jobs can't be read");
      this.#isUnread = true;
      return undefined;
    }
  }

  /** Replaces all lines, as they are when it begins. Those that are added meanwhile follow. */
  async rewrite(lines: () => Iterable<RecordLine>): Promise<void> {
    while (this.#writing !== undefined) await this.#writing; // not `written`: another line could begin after it
    this.#waiting = []; // they are about jobs that are in the new lines
    this.#waitingBytes = 0;
    this.#writing = this.#replace(lines).then(() => this.#writeAll());
    return this.#writing;
  }

  /** Writes what waits. Later lines are left out. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.written();
    await this.#closeHandle();
  }

  #begin(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#write(this.#waiting.splice(0));
    this.#writing = undefined;
  }

  async #write(lines: readonly string[]): Promise<void> {
    this.#waitingBytes = 0;
    try {
      this.#handle ??= await this.#open();
      // The line end in front: what is there may end within a line, of a full disk or a kill.
      const text = `\n${lines.join("\n")}\n`;
      await this.#handle.appendFile(text);
      this.#bytes += Buffer.byteLength(text);
      this.#isFailing = false;
    } catch (err) {
      this.#report(err);
      await this.#closeHandle();
    }
  }

  async #replace(lines: () => Iterable<RecordLine>): Promise<void> {
    const text = [...lines()].map((line) => `${toLine(line)}\n`).join("");
    this.#rewriteAt = Math.max(this.#limits.rewriteBytes, 2 * Buffer.byteLength(text));
    try {
      await dropTemporaries(this.#file);
      await replaceFile(this.#file, text, 0o600);
    } catch (err) {
      this.#report(err);
    }
    await this.#closeHandle();
  }

  async #open(): Promise<FileHandle> {
    await makeJobsFolder(dirname(this.#file));
    const handle = await open(this.#file, APPEND, 0o600);
    const stat = await handle.stat();
    this.#bytes = stat.size;
    if (stat.isFile()) return handle;
    await handle.close();
    throw new Error(`${this.#file} is not a file; move it away`);
  }

  async #readEnd(): Promise<Buffer> {
    await using handle = await open(this.#file, OPEN_WITHOUT_WAITING);
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error(`${this.#file} is not a file; move it away`);
    this.#bytes = stat.size;
    const bytes = Buffer.alloc(Math.min(stat.size, this.#limits.maxReadBytes));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, stat.size - bytes.length);
    return bytes.subarray(0, bytesRead);
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => {});
  }

  #report(err: unknown): void {
    if (!this.#isFailing) this.#log.error({ err }, "jobs can't be recorded: a restart of the server forgets them");
    this.#isFailing = true;
  }
}

import type { FileHandle } from "node:fs/promises";

/** A step of reading: a thousand small entries with their headers. */
const WINDOW_BYTES = 128 * 1024;
/** One for the directory, one for the headers or data that it leads to. */
const WINDOWS = 2;

interface Window {
  readonly start: number;
  readonly data: Promise<Buffer>;
}

/**
 * Reads small pieces of a zip from a few large steps: headers and data of ten thousand entries are mostly behind each
 * other, and each read of its own is a wait for the thread pool. The zip must not change meanwhile.
 */
export class ZipWindow {
  readonly #file: FileHandle;
  /** The one that was used last comes first. */
  #windows: readonly Window[] = [];

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * @returns what is there, fewer bytes only at the end of the file; not to be written to
   * @throws the file system's error
   */
  async read(position: number, length: number): Promise<Buffer> {
    if (length > WINDOW_BYTES) return this.#load(position, length);
    const known = this.#windows.find(({ start }) => position >= start && position + length <= start + WINDOW_BYTES);
    const window = known ?? { start: position, data: this.#load(position, WINDOW_BYTES) };
    this.#windows = [window, ...this.#windows.filter((other) => other !== window)].slice(0, WINDOWS);
    try {
      return (await window.data).subarray(position - window.start, position - window.start + length);
    } catch (error) {
      this.#windows = this.#windows.filter((other) => other !== window);
      throw error;
    }
  }

  /** A read can end early at a signal, say, without being at the end of the file. */
  async #load(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }
}

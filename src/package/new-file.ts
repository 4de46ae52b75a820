import { type FileHandle, open } from "node:fs/promises";

const PERMISSIONS = 0o7777;

interface NewFileOptions {
  readonly mode: number;
  readonly modes: ExactModes;
  /** Data goes to the disk each time there is so much of it. */
  readonly syncEveryBytes?: number;
}

/** A file that did not exist before. Only what was synced survives a power cut. */
export class NewFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #syncEveryBytes: number;
  #unsynced = 0;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(handle: FileHandle, syncEveryBytes: number) {
    this.#handle = handle;
    this.#syncEveryBytes = syncEveryBytes;
  }

  /** @throws the file system's error, EEXIST where anything is at that path */
  static async create(
    path: string | Buffer,
    { mode, modes, syncEveryBytes = Number.POSITIVE_INFINITY }: NewFileOptions,
  ): Promise<NewFile> {
    // Exclusive: whatever is there already was not put there by this zip's plan.
    const handle = await open(path, "wx", mode);
    try {
      await modes.set(handle, mode);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new NewFile(handle, syncEveryBytes);
  }

  async write(chunk: Buffer): Promise<void> {
    await this.#handle.writeFile(chunk); // appends, and writes all of it
    this.#unsynced += chunk.length;
    if (this.#unsynced < this.#syncEveryBytes) return;
    this.#unsynced = 0;
    await this.#syncing;
    this.#syncing = this.#handle.datasync();
    this.#syncing.catch(() => {}); // thrown by the next await of it
  }

  /** Resolves when no sync is in progress. @throws what the last one failed with */
  async written(): Promise<void> {
    await this.#syncing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#syncing.catch(() => {});
    await this.#handle.close();
  }
}

/**
 * Sets the modes of new files in folders of one origin. open() takes the bits of the process's umask, or of the folders'
 * default ACL, from the mode that it is given; both are the same for all of these files, so the first of each mode tells
 * whether the others need a chmod.
 */
export class ExactModes {
  readonly #isExact = new Map<number, Promise<boolean>>();

  async set(handle: FileHandle, mode: number): Promise<void> {
    let isExact = this.#isExact.get(mode);
    if (isExact === undefined) {
      isExact = handle.stat().then((made) => (made.mode & PERMISSIONS) === mode);
      this.#isExact.set(mode, isExact);
    }
    if (!(await isExact)) await handle.chmod(mode);
  }
}

import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KEPT_OUTPUT_BYTES } from "../domain/change.ts";
import { makeFolder } from "../lib/durable.ts";
import { hasCode } from "../lib/errors.ts";
import { NOT_THERE } from "../lib/files.ts";
import { readSmallFile, UnfitFile } from "../lib/small-file.ts";

const SUFFIX = ".log";

/** What install.sh printed in the jobs that have ended: a file for each. */
export class JobLogs {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param text at most `KEPT_OUTPUT_BYTES` @throws the file system's error */
  async write(id: string, text: string): Promise<void> {
    await makeFolder(this.#folder, 0o700);
    await writeFile(this.#file(id), text, { mode: 0o600, flag: "wx" });
  }

  /** @returns undefined where there is none @throws the file system's error */
  async read(id: string): Promise<string | undefined> {
    try {
      return (await readSmallFile(this.#file(id), KEPT_OUTPUT_BYTES)).toString();
    } catch (error) {
      if (error instanceof UnfitFile || hasCode(error, ...NOT_THERE)) return undefined;
      throw error;
    }
  }

  /** Never throws: the next `sweep` tries again. */
  async remove(id: string): Promise<void> {
    await rm(this.#file(id), { force: true }).catch(() => {});
  }

  /** Removes those of jobs that are not known, which a kill has left. Never throws. */
  async sweep(isKnown: (id: string) => boolean): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const id = name.slice(0, -SUFFIX.length);
      if (name.endsWith(SUFFIX) && !isKnown(id)) await this.remove(id);
    }
  }

  /** @param id of a job that is known: a UUID */
  #file(id: string): string {
    return join(this.#folder, id + SUFFIX);
  }
}

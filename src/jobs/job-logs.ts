import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KEPT_OUTPUT_BYTES } from "../domain/change.ts";
import { hasCode } from "../lib/errors.ts";
import { NOT_THERE } from "../lib/files.ts";
import { readSmallFile, UnfitFile } from "../lib/small-file.ts";
import { isOwn, makeJobsFolder } from "./jobs-folder.ts";

/** Ids of jobs are UUIDs. */
const NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.log$/;

/** What install.sh printed in the jobs that have ended: a file for each. */
export class JobLogs {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param text at most `KEPT_OUTPUT_BYTES` @throws the file system's error */
  async write(id: string, text: string): Promise<void> {
    await makeJobsFolder(this.#folder);
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
    if (!(await isOwn(this.#folder))) return;
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const id = NAME.exec(name)?.[1];
      if (id !== undefined && !isKnown(id)) await this.remove(id);
    }
  }

  /** @param id of a job that is known: a UUID */
  #file(id: string): string {
    return join(this.#folder, `${id}.log`);
  }
}

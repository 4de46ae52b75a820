import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KEPT_OUTPUT_BYTES } from "../domain/change.ts";
import { readSmallFileIfFit } from "../lib/small-file.ts";
import { JOB_ID } from "./job.ts";
import { isOwn, makeJobsFolder } from "./jobs-folder.ts";

const SUFFIX = ".log";

/** What install.sh printed in the jobs that have ended: a file for each. */
export class JobLogs {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param text at most `KEPT_OUTPUT_BYTES` @throws the file system's error */
  async write(id: string, text: string): Promise<void> {
    await makeJobsFolder(this.#folder);
    try {
      await writeFile(this.#file(id), text, { mode: 0o600, flag: "wx" });
    } catch (error) {
      await this.remove(id); // a part of it would be taken for the whole after a restart
      throw error;
    }
  }

  /** @returns undefined where there is none @throws the file system's error */
  async read(id: string): Promise<string | undefined> {
    return (await readSmallFileIfFit(this.#file(id), KEPT_OUTPUT_BYTES))?.toString();
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
      if (!name.endsWith(SUFFIX)) continue;
      const id = name.slice(0, -SUFFIX.length);
      if (JOB_ID.test(id) && !isKnown(id)) await this.remove(id);
    }
  }

  /** @param id of a job that is known: a UUID */
  #file(id: string): string {
    return join(this.#folder, `${id}${SUFFIX}`);
  }
}

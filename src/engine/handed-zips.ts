import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "../store/layout.ts";
import { installerOf } from "./activation/installer.ts";

interface HandedZipsOptions {
  readonly layout: Layout;
  /** The engine's own folder of uploads. */
  readonly uploadsFolder: string;
}

/** The zips that the engine is given by their paths, each until it has answered. */
export class HandedZips {
  readonly #options: HandedZipsOptions;

  constructor(options: HandedZipsOptions) {
    this.#options = options;
  }

  /**
   * Where an engine of that version reads a zip. The name is hidden, and in the folder of uploads that of an unfinished
   * one.
   *
   * @param id names it: no two at the same time
   */
  path(id: string, version: string): string {
    const { layout, uploadsFolder } = this.#options;
    const folder = installerOf(version).readsUploadsAlone ? uploadsFolder : layout.engineFolder;
    return join(folder, `.unfinished-${id}.zip`);
  }

  /** Removes those that a killed process left. Those in the folder of uploads go with its unfinished ones. */
  async clear(): Promise<void> {
    const { engineFolder } = this.#options.layout;
    const names = await readdir(engineFolder).catch(() => []); // nothing was ever handed over
    for (const name of names)
      if (name.endsWith(".zip")) await rm(join(engineFolder, name), { force: true }).catch(() => {});
  }
}

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { type FilePath, VOLUMES, type Volume, volumeOf } from "../../domain/plugin.ts";
import { makeFolder } from "../../lib/durable.ts";
import { exists, removeFolder, statIfThere } from "../../lib/files.ts";
import type { Layout } from "../layout.ts";

/** Called when the folders of a workspace can't be removed at its end. */
type OnLeftover = (error: unknown, workspace: Workspace) => void;

/**
 * The folders of one change, one on each volume. Everything that the change prepares or sets aside is in them, so
 * removing them leaves no trace. Disposing it does that.
 */
export class Workspace implements AsyncDisposable {
  readonly id: string;
  readonly #layout: Layout;
  readonly #onLeftover: OnLeftover;
  #files = 0;
  #isKept = false;

  private constructor(layout: Layout, id: string, onLeftover: OnLeftover) {
    this.#layout = layout;
    this.id = id;
    this.#onLeftover = onLeftover;
  }

  /** @param id a UUID that no other change has had */
  static async create(
    layout: Layout,
    onLeftover: OnLeftover = () => {},
    id: string = randomUUID(),
  ): Promise<Workspace> {
    const workspace = new Workspace(layout, id, onLeftover);
    try {
      // For the server's user alone: a zip and a script may hold secrets.
      for (const volume of VOLUMES) {
        await refuseLink(layout.changesFolder(volume));
        await makeFolder(layout.changesFolder(volume), 0o700);
        await makeFolder(workspace.folder(volume), 0o700);
      }
    } catch (error) {
      await workspace.remove().catch(() => {}); // the first error is the one that matters
      throw error;
    }
    return workspace;
  }

  /** The workspace of a change that an earlier process began. */
  static reopen(layout: Layout, id: string): Workspace {
    return new Workspace(layout, id, () => {});
  }

  folder(volume: Volume): string {
    return join(this.#layout.changesFolder(volume), this.id);
  }

  get zipFile(): string {
    return join(this.folder("plugins"), "package.zip");
  }

  get scriptFolder(): string {
    return join(this.folder("plugins"), "script");
  }

  get journalFile(): string {
    return join(this.folder("plugins"), "journal.json");
  }

  /** A new file, never given before in this workspace, on the volume that `target` will be on. */
  stage(target: FilePath): { readonly name: string; readonly path: string } {
    this.#files += 1;
    const name = `${this.#files}.new`;
    return { name, path: this.file(volumeOf(target), name) };
  }

  file(volume: Volume, name: string): string {
    return join(this.folder(volume), name);
  }

  /** Leaves the folders in place when the workspace is disposed: a change that is not ended yet needs them. */
  keep(): void {
    this.#isKept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isKept) await this.remove().catch((error) => this.#onLeftover(error, this));
  }

  async remove(): Promise<void> {
    // The journal is on the first volume: as long as it is there, the rest of the change is too.
    for (const volume of [...VOLUMES].reverse()) {
      if (await exists(this.folder(volume))) await removeFolder(this.folder(volume));
    }
  }
}

/** @throws PluginError STORAGE_FAILED: what is behind a link is not ours to fill and to clear */
async function refuseLink(folder: string): Promise<void> {
  if (!(await statIfThere(folder))?.isSymbolicLink()) return;
  throw new PluginError("STORAGE_FAILED", `${folder} is a link; move it away and try again`);
}

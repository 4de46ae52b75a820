import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Staging } from "../../package/unpack.ts";

/** Where a zip is unpacked without a server: a folder of the system's that is gone afterwards. */
export class TemporaryFolder implements Staging, AsyncDisposable {
  readonly #path: string;
  #files = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  static async create(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await mkdtemp(join(tmpdir(), "inspect-")));
  }

  get scriptFolder(): string {
    return join(this.#path, "script");
  }

  stage(): { readonly name: string; readonly path: string } {
    this.#files += 1;
    const name = String(this.#files);
    return { name, path: join(this.#path, name) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }
}

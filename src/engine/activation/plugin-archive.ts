import { createWriteStream } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import { makeFolder } from "../../lib/durable.ts";

/** A file of the zip: where its content is, and its path in the plugin's folders. */
interface ArchivedFile {
  readonly copy: string;
  readonly path: string;
}

/**
 * A zip at its path, for as long as the engine needs it. It is written in a stream and not deflated: the engine is on the same
 * machine, and a .so of 300 MB must not be in memory.
 */
export class PluginArchive implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws the file system's error; there is no zip then */
  static async write(zip: string, files: readonly ArchivedFile[]): Promise<PluginArchive> {
    await makeFolder(dirname(zip));
    const archive = new PluginArchive(zip);
    try {
      const writer = new ZipFile();
      for (const { copy, path } of files) writer.addFile(copy, basename(path), { compress: false });
      writer.end();
      const unreadable = new AbortController();
      writer.on("error", (error) => unreadable.abort(error)); // a file that can't be read does not end the stream
      const { signal } = unreadable;
      await pipeline(writer.outputStream, createWriteStream(archive.path, { flags: "wx" }), { signal }).catch(
        (error) => {
          throw signal.aborted ? signal.reason : error;
        },
      );
      await chmod(archive.path, 0o644); // an engine that runs as another user reads it, whatever the umask
      return archive;
    } catch (error) {
      await archive[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { force: true }).catch(() => {}); // the next start tries again
  }
}

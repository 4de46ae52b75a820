import { type FileServer, type Reply, startFileServer } from "./file-server.ts";
import { file } from "./file-server-replies.ts";
import { type PluginContents, pluginZip } from "./plugin-zip.ts";
import { signal } from "./signal.ts";

/** A zip whose second half is kept back until the test lets it go. */
export interface HeldZip {
  readonly url: string;
  /** Resolves when a download has got the first half. */
  readonly asked: Promise<void>;
  release(): void;
}

/** A file server whose files are added as a test goes on. */
export interface ZipHost extends FileServer {
  /** Serves bytes, or any other reply, and returns the URL. */
  serve(path: string, reply: Buffer | Reply): string;
  /** Serves the zip of a plugin as `/<type>/<name>.zip`. */
  serveZip(contents: PluginContents): string;
  holdZip(contents: PluginContents): HeldZip;
}

export async function startZipHost(): Promise<ZipHost> {
  const replies: Record<string, Reply> = {};
  const server = await startFileServer(replies);
  const serve = (path: string, reply: Buffer | Reply) => {
    replies[path] = Buffer.isBuffer(reply) ? file(reply) : reply;
    return server.url(path);
  };
  return {
    ...server,
    serve,
    serveZip: (contents) => serve(zipPath(contents), pluginZip(contents)),
    holdZip(contents) {
      const zip = pluginZip(contents);
      const half = zip.length >> 1;
      const [asked, arrive] = signal();
      const [released, release] = signal();
      const url = serve(zipPath(contents), async (_request, response) => {
        response.writeHead(200, { "content-length": zip.length });
        response.write(zip.subarray(0, half), arrive);
        await released;
        response.end(zip.subarray(half));
      });
      return { url, asked, release };
    },
  };
}

function zipPath({ type, name }: PluginContents): string {
  return `/${type}/${name}.zip`;
}

import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import Fastify, { type FastifyBaseLogger } from "fastify";
import { hasCode } from "../lib/errors.ts";
import { NOT_THERE } from "../lib/files.ts";
import { type PageServer, securePages } from "./page-server.ts";
import { NO_COMPILERS } from "./validation.ts";

const PREFIX = "/ui/";
const INDEX = "index.html";
/** Of a file that the build has compressed: the one beside it is chosen by Accept-Encoding, and none is asked for itself. */
const COMPRESSED = /\.(br|gz)$/;
/** The build names these by their content. */
const HASHED = "assets/";
const YEAR_SECONDS = 31_536_000;

/**
 * The files of the page: a second Fastify with @fastify/static, which is loaded then.
 *
 * @param folder which need not be there
 * @param log told of files that can't be sent
 */
export async function openPageFiles(folder: string, log: FastifyBaseLogger): Promise<PageServer> {
  const paths = await filePaths(folder);
  const server = Fastify({ schemaController: NO_COMPILERS });
  securePages(server, log, "font-src 'self'");
  if (paths.size > 0) {
    const { default: staticFiles } = await import("@fastify/static");
    await server.register(staticFiles, {
      root: folder,
      prefix: PREFIX,
      preCompressed: true,
      decorateReply: false,
      cacheControl: false,
      setHeaders: (reply, path) => {
        const isHashed = relative(folder, path).startsWith(HASHED);
        const value = isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache";
        reply.header("cache-control", value);
      },
    });
  }
  await server.ready();
  const has = (path: string) => path.startsWith(PREFIX) && paths.has(path.slice(PREFIX.length) || INDEX);
  return { has, server };
}

/** What the build made to be asked for; nothing where there was no build. */
async function filePaths(folder: string): Promise<ReadonlySet<string>> {
  const items = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    if (hasCode(error, ...NOT_THERE)) return [];
    throw error;
  });
  const files = items.filter((item) => item.isFile() && !item.name.startsWith(".") && !COMPRESSED.test(item.name));
  return new Set(files.map((item) => relative(folder, join(item.parentPath, item.name)).replaceAll(sep, "/")));
}

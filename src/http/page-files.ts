import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { hasCode } from "../lib/errors.ts";
import { NOT_THERE } from "../lib/files.ts";
import { Lazy } from "../lib/lazy.ts";
import { NO_COMPILERS } from "./validation.ts";

const PREFIX = "/ui/";
const INDEX = "index.html";
/** Of a file that the build has compressed: the one beside it is chosen by Accept-Encoding, and none is asked for itself. */
const COMPRESSED = /\.(br|gz)$/;
/** The build names these by their content. */
const HASHED = "assets/";
const YEAR_SECONDS = 31_536_000;

/** The page runs its own scripts and asks its own server, and nothing else, whatever is put into it. */
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

interface OpenFiles {
  /** Paths below the prefix. Whatever else is asked for, in whatever spelling, is not there. */
  readonly paths: ReadonlySet<string>;
  readonly server: FastifyInstance;
}

/**
 * The files of the page. What serves them is loaded when somebody opens the page, so that nobody else pays for it: a second
 * Fastify with @fastify/static, which has no port and gets its requests from this one, after all hooks.
 */
export class PageFiles {
  readonly #open: Lazy<OpenFiles>;

  /** @param folder which need not be there */
  constructor(folder: string) {
    this.#open = new Lazy(() => openFiles(folder));
  }

  /** Sends the file of a path such as `/ui/assets/main-1a2b.js`; false, and nothing was sent, where there is none. */
  async send(path: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { paths, server } = await this.#open.get();
    if (!path.startsWith(PREFIX) || !paths.has(path.slice(PREFIX.length) || INDEX)) return false;
    reply.hijack();
    server.routing(request.raw, reply.raw);
    return true;
  }

  async close(): Promise<void> {
    await (await this.#open.made())?.server.close();
  }
}

async function openFiles(folder: string): Promise<OpenFiles> {
  const paths = await filePaths(folder);
  const server = Fastify({ schemaController: NO_COMPILERS });
  server.addHook("onRequest", (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
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
  return { paths, server };
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

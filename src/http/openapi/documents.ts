import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Lazy } from "../../lib/lazy.ts";
import { isOfPage } from "./page.ts";
import type { CollectedRoute } from "./routes.ts";

interface Described {
  readonly json: Buffer;
  /** Serves the page. */
  readonly server: FastifyInstance;
}

/** The OpenAPI document and its page: made once, when somebody asks for one of them, so that nobody else pays for it. */
export class Documents {
  readonly #described: Lazy<Described>;

  /** @param routes may still grow until the first question */
  constructor(routes: readonly CollectedRoute[], version: string) {
    this.#described = new Lazy(() => describe(routes, version));
  }

  async json(): Promise<Buffer> {
    return (await this.#described.get()).json;
  }

  /** Sends a file of the page by its path, such as `/docs/json`; false, and nothing was sent, where there is none. */
  async sendPage(path: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    if (!isOfPage(path)) return false;
    const { server } = await this.#described.get();
    reply.hijack();
    server.routing(request.raw, reply.raw);
    return true;
  }

  async close(): Promise<void> {
    await (await this.#described.made())?.server.close();
  }
}

async function describe(routes: readonly CollectedRoute[], version: string): Promise<Described> {
  const { describeRoutes } = await import("./document.ts");
  const server = await describeRoutes(routes, version);
  return { json: Buffer.from(JSON.stringify(server.swagger())), server };
}

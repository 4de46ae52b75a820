import Fastify, { type FastifyBaseLogger } from "fastify";
import { type PageServer, securePages } from "../page-server.ts";
import { NO_COMPILERS } from "../validation.ts";

/**
 * Below `/docs/`: what the page consists of. Whatever else is asked for, in whatever spelling, is not there. `json` is the
 * document, whose servers are relative to its address.
 */
const PAGE_FILES: readonly string[] = [
  "",
  "json",
  "static/favicon-16x16.png",
  "static/favicon-32x32.png",
  "static/index.css",
  "static/swagger-initializer.js",
  "static/swagger-ui-bundle.js",
  "static/swagger-ui-standalone-preset.js",
  "static/swagger-ui.css",
];

/**
 * A page to read and try the document.
 *
 * @param json the OpenAPI document
 * @param log told of files that can't be sent
 */
export async function openDocumentPage(json: Buffer, log: FastifyBaseLogger): Promise<PageServer> {
  const server = Fastify({ schemaController: NO_COMPILERS });
  securePages(server, log); // Swagger UI sets styles by script, which this allows
  const document = { ...JSON.parse(json.toString()), servers: [{ url: "../" }] };
  await server.register(import("@fastify/swagger"), { mode: "static", specification: { document } });
  await server.register(import("@fastify/swagger-ui"), {
    routePrefix: "/docs",
    logo: { type: "image/svg+xml", content: "" }, // shown by its other layout alone; else it is read from a file
    uiConfig: { layout: "BaseLayout", docExpansion: "list", displayRequestDuration: true },
  });
  await server.ready();
  return { has: (path) => PAGE_FILES.some((file) => path === `/docs/${file}`), server };
}

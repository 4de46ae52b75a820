import type { FastifyInstance } from "fastify";
import { securePages } from "../page-server.ts";

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

/** Whether a path, such as `/docs/json`, is one of the page's. */
export function isOfPage(path: string): boolean {
  return PAGE_FILES.some((file) => path === `/docs/${file}`);
}

/** Adds a page to read and try the document to the server that describes it. */
export async function addPage(app: FastifyInstance): Promise<void> {
  securePages(app); // Swagger UI sets styles by script, which this allows
  await app.register(import("@fastify/swagger-ui"), {
    routePrefix: "/docs",
    logo: { type: "image/svg+xml", content: "" }, // shown by its other layout alone; else it is read from a file
    uiConfig: { layout: "BaseLayout", docExpansion: "list", displayRequestDuration: true },
    transformSpecification: (document) => ({ ...document, servers: [{ url: "../" }] }),
    transformSpecificationClone: false,
  });
}

import type { FastifyRequest } from "fastify";

/**
 * Whether a request is that of a browser which opens a page: it names HTML, and nothing that it would rather have. `*` + `/*`,
 * which every program sends, names nothing.
 */
export function wantsPage({ method, headers }: Pick<FastifyRequest, "method" | "headers">): boolean {
  const { accept } = headers;
  if (method !== "GET" || accept === undefined || !accept.includes("text/html")) return false;
  const qualities = qualitiesOf(accept);
  // Java's own client names HTML in every request of a program, together with this, which is no media range.
  if (qualities.has("*")) return false;
  const html = qualities.get("text/html") ?? 0;
  return html > 0 && html > (qualities.get("application/json") ?? 0);
}

/** Media types in lower case, and from 0 to 1 how welcome each is. */
function qualitiesOf(accept: string): ReadonlyMap<string, number> {
  return new Map(
    accept.split(",").map((range) => {
      const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [type, quality === undefined ? 1 : Number(quality) || 0];
    }),
  );
}

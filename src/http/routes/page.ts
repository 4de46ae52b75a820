import type { FastifyPluginAsync } from "fastify";
import { Lazy } from "../../lib/lazy.ts";
import { openPageFiles } from "../page-files.ts";
import { servePage } from "../page-server.ts";

interface PageRoutesOptions {
  /** Where the build has put the page. */
  readonly folder: string;
}

/** The page for people, at `/ui/`. It asks for a token itself where this server wants one. */
export const pageRoutes: FastifyPluginAsync<PageRoutesOptions> = async (app, { folder }) => {
  servePage(app, "/ui", new Lazy(() => openPageFiles(folder, app.log)));
};

import { pathToFileURL } from "node:url";
import type { PackageRequest } from "../domain/install-request.ts";
import type { PortableInstaller } from "../plugins/portable-package.ts";
import type { Engine } from "./engine.ts";
import type { EngineReply } from "./engine-client.ts";

/** The engine runs install.sh, which may install packages of the system, and has no limit for it. */
const INSTALL_SECONDS = 600;

/**
 * Has the engine install the zip of a portable plugin, which has been checked.
 *
 * @param authorization the client's own, for an engine that asks for a token; else that of `engine.tokenFile`
 * @returns what throws PluginError ENGINE_UNREACHABLE
 */
export function portableInstaller(
  engine: Engine,
  method: "POST" | "PUT",
  { id, shellParas }: PackageRequest,
  authorization: string | undefined,
): PortableInstaller<EngineReply> {
  const path = method === "PUT" ? `/plugins/portables/${encodeURIComponent(id.name)}` : "/plugins/portables";
  return {
    pathFor: async (zip) => engine.zips.path(zip, (await engine.about()).version),
    install: (file) => {
      const shell = shellParas.length > 0 ? { shellParas } : {};
      const body = { name: id.name, file: pathToFileURL(file).href, ...shell };
      return engine.client.ask(path, { method, body, timeoutSeconds: INSTALL_SECONDS, authorization });
    },
  };
}

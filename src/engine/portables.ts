import { pathToFileURL } from "node:url";
import type { PackageRequest } from "../domain/install-request.ts";
import type { EngineClient, EngineReply } from "./engine-client.ts";

/** The engine runs install.sh, which may install packages of the system, and has no limit for it. */
const INSTALL_SECONDS = 600;

/**
 * Has the engine install the zip of a portable plugin, which has been checked.
 *
 * @param file absolute; the engine reads it before it answers
 * @param authorization the header of the request, which is passed on as that of any other is
 * @throws PluginError ENGINE_UNREACHABLE
 */
export function handOverPortable(
  client: EngineClient,
  method: "POST" | "PUT",
  { id, shellParas }: PackageRequest,
  file: string,
  authorization: string | undefined,
): Promise<EngineReply> {
  const path = method === "PUT" ? `/plugins/portables/${encodeURIComponent(id.name)}` : "/plugins/portables";
  const body = {
    name: id.name,
    file: pathToFileURL(file).href,
    ...(shellParas.length > 0 ? { shellParas } : {}),
  };
  return client.ask(path, { method, body, timeoutSeconds: INSTALL_SECONDS, authorization });
}

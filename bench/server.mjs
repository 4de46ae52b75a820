import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const LISTENING = /Server listening at (http:[^"\s]+)/;

/**
 * Starts the built server on a free port of the loopback.
 *
 * @param {ReturnType<typeof import("./processes.mjs").createProcesses>} processes
 * @param {string} base the base folder, made when missing
 */
export function startServer(processes, base) {
  // Without the settings of whoever runs the bench.
  const inherited = Object.entries(process.env).filter(([name]) => !/^kuiper|_proxy$/i.test(name));
  const env = { ...Object.fromEntries(inherited), KuiperBaseKey: base, KUIPER__BASIC__RESTPORT: "0" };
  return processes.serve([MAIN], { env, listening: LISTENING });
}

/** Installs a plugin. @throws unless it is created */
export async function install(server, type, name, file) {
  const body = JSON.stringify({ name, file });
  const reply = await fetch(`${server.url}/plugins/${type}`, { method: "POST", body });
  const text = await reply.text();
  if (reply.status !== 201) throw new Error(`the install of ${name} was answered ${reply.status}: ${text}`);
}

/** Removes a plugin, to give its space back. Its name can't be used again until the server restarts. */
export async function remove(server, type, name) {
  const reply = await fetch(`${server.url}/plugins/${type}/${name}`, { method: "DELETE" });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`the delete of ${name} was answered ${reply.status}: ${text}`);
}

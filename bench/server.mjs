import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const LISTENING = /Server listening at (http:[^"\s]+)/;

/**
 * Starts the built server on a free port of the loopback.
 *
 * @param {ReturnType<typeof import("./processes.mjs").createProcesses>} processes
 * @param {string} base the base folder, made when missing
 * @param {Readonly<Record<string, string>>} settings as environment variables
 */
export function startServer(processes, base, settings = {}) {
  const env = { ...plainEnvironment(), KuiperBaseKey: base, KUIPER__BASIC__RESTPORT: "0", ...settings };
  return processes.serve([MAIN], { env, listening: LISTENING });
}

/**
 * The environment without the settings of whoever runs the bench: those of the server, and Node's, of which
 * NODE_EXTRA_CA_CERTS alone can double the time of any start.
 */
export function plainEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^kuiper|^node_|_proxy$/i.test(name)));
}

/** Installs a plugin. @throws unless it is created */
export async function install(server, type, name, file) {
  const body = JSON.stringify({ name, file });
  const reply = await fetch(`${server.url}/plugins/${type}`, { method: "POST", body });
  const text = await reply.text();
  if (reply.status !== 201) throw new Error(`the install of ${name} was answered ${reply.status}: ${text}`);
}

/** Puts another version into the place of the installed one. @throws unless it is updated */
export async function update(server, type, name, file) {
  const reply = await fetch(`${server.url}/plugins/${type}/${name}`, { method: "PUT", body: JSON.stringify({ file }) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`the update of ${name} was answered ${reply.status}: ${text}`);
}

/** Goes back to the version before. @throws unless that is done */
export async function rollback(server, type, name) {
  const reply = await fetch(`${server.url}/plugins/${type}/${name}/rollback`, { method: "POST" });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`the rollback of ${name} was answered ${reply.status}: ${text}`);
}

/** Removes a plugin, to give its space back. Its name can't be used again until the server restarts. */
export async function remove(server, type, name) {
  const reply = await fetch(`${server.url}/plugins/${type}/${name}`, { method: "DELETE" });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`the delete of ${name} was answered ${reply.status}: ${text}`);
}

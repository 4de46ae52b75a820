import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ask, post, remove } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { Program, ROOT, readText, run, waitFor } from "./programs.ts";

const NAME = "kuiper-plugin-server";

interface Supervised {
  readonly base: string;
  readonly url: string;
  readonly serverLog: string;
  readonly supervisor: Program;
  /** The answer of supervisorctl. */
  control(...args: string[]): Promise<string>;
}

/** supervisord of our own, with the documented section: only its paths and its user are those of this machine. */
async function supervise(settings: Readonly<Record<string, string>> = {}): Promise<Supervised> {
  const folder = await tempFolder();
  const base = join(folder, "kuiper");
  const serverLog = join(folder, "server.log");
  const port = String(await freePort());
  const replacements = [
    ["/usr/bin/node", process.execPath],
    ["/opt/kuiper-plugin-server", ROOT],
    ["/opt/kuiper", base],
    ["/var/log/supervisor/kuiper-plugin-server.log", serverLog],
    ["user=kuiper\n", ""],
    ['RESTPORT="9082"', `RESTPORT="${port}"`],
  ] as const;
  let section = await readText("docs/examples/supervisor.conf");
  for (const [documented, here] of replacements) {
    expect(section).toContain(documented);
    section = section.replace(documented, () => here);
  }
  const configuration = join(folder, "supervisord.conf");
  const socket = join(folder, "supervisor.sock");
  await writeFile(
    configuration,
    `[supervisord]
nodaemon=true
logfile=${folder}/supervisord.log
pidfile=${folder}/supervisord.pid
childlogdir=${folder}
${process.getuid?.() === 0 ? "user=root" : ""}
[unix_http_server]
file=${socket}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${socket}
${section}`,
  );
  const supervisor = new Program(["supervisord", "-c", configuration], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...settings },
  });
  return {
    base,
    url: `http://127.0.0.1:${port}`,
    serverLog,
    supervisor,
    control: async (...args) => (await run(["supervisorctl", "-c", configuration, ...args])).stdout.trim(),
  };
}

/**
 * The process id of a server that answers, other than `before`, once supervisor takes it for started: what ends earlier
 * than that is started again whatever the section says.
 */
function runningPid({ control, url, supervisor }: Supervised, before?: string): Promise<string> {
  return waitFor("the server", async () => {
    if (!supervisor.isRunning) throw new Error(`supervisord ended: ${supervisor.output}`);
    const [, pid] = /RUNNING +pid (\d+)/.exec(await control("status", NAME)) ?? [];
    const answers = await fetch(`${url}/ping`)
      .then(({ ok }) => ok)
      .catch(() => false);
    return answers && pid !== before ? pid : undefined;
  });
}

describe("supervisor with the documented section", () => {
  test("starts the server again after a delete with restart=1", async () => {
    const supervised = await supervise();
    const { url, base, control } = supervised;
    const first = await runningPid(supervised);
    const zip = await writePluginZip(base, { type: "sources", name: "random" });
    const order = { name: "random", file: `file://${zip}` };

    expect(await post(`${url}/plugins/sources`, order)).toEqual([201, "sources plugin random is created"]);
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["random"]']);
    expect(await remove(`${url}/plugins/sources/random?restart=1`)).toEqual([
      200,
      "sources plugin random is deleted and Kuiper will be stopped",
    ]);

    await runningPid(supervised, first);
    expect(supervised.supervisor.output).toContain(`${NAME} (exit status 100; not expected)`);
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, "[]"]);
    expect(await post(`${url}/plugins/sources`, order)).toEqual([201, "sources plugin random is created"]);

    await control("stop", NAME);
    expect(await control("status", NAME)).toMatch(/^kuiper-plugin-server +STOPPED/);
    expect(await readFile(supervised.serverLog, "utf8")).toContain('"exitCode":0,"msg":"stopped"');
  });

  test("has the reason in the log when the server can't start", async () => {
    const { serverLog } = await supervise({ KUIPER__CHANGES__MAXCONCURRENT: "many" });
    const reason = 'KUIPER__CHANGES__MAXCONCURRENT is "many"; allowed is a whole number from 1 to 256';
    await waitFor("the reason", async () => {
      const log = await readFile(serverLog, "utf8").catch(() => "");
      return log.includes(reason) ? true : undefined;
    });
  });
});

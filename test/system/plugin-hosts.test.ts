import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCatalogue } from "../../src/catalogue/catalogue.ts";
import type { Config } from "../../src/config/schema.ts";
import { testClient } from "../support/client.ts";
import { freePort } from "../support/free-port.ts";

/** Listings of real file servers: each serves the same tree from a folder, on a free port of its own. */

const START_LIMIT_MS = 60_000;
const FOLDER = "kuiper-plugins/1.0.2/debian/sources";
/** Apache cuts a name at 23 characters in the text of its link. */
const LONG_NAME = "aVeryLongPluginNameThatNeverFitsIntoTheColumn";
const FILES = [
  "random_amd64.zip",
  "random_arm64.zip",
  "zmq_amd64.zip",
  "zmq_amd64.zip.sha256",
  "with_underscores_2_amd64.zip",
  `${LONG_NAME}_amd64.zip`,
  "Capital_amd64.zip",
  "two words_amd64.zip",
  "50%_amd64.zip",
  "README.txt",
];
const CONFIG: Config["prebuild"] = {
  version: "1.0.2",
  os: "debian",
  arch: "amd64",
  cacheSeconds: 0,
  timeoutSeconds: 20,
  maxPageBytes: 1024 * 1024,
};

interface FileServer {
  readonly name: string;
  /** The command that serves `root` on `port` in the foreground; `folder` is for its own files. */
  command(port: number, root: string, folder: string): Promise<readonly [string, ...string[]]>;
}

const nginx: FileServer = {
  name: "nginx",
  async command(port, root, folder) {
    const file = join(folder, "nginx.conf");
    const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (use) => `${use}_temp_path ${folder}/${use};`,
    );
    await writeFile(
      file,
      `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
       events { worker_connections 64; }
       http {
         access_log off; ${temp.join(" ")}
         server { listen 127.0.0.1:${port}; root ${root}; autoindex on; }
       }`,
    );
    return ["/usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c", file];
  },
};

function apache(name: string, indexOptions: string): FileServer {
  return {
    name,
    async command(port, root, folder) {
      const file = join(folder, "apache2.conf");
      const modules = ["mpm_event", "authz_core", "dir", "autoindex"].map(
        (module) => `LoadModule ${module}_module /usr/lib/apache2/modules/mod_${module}.so`,
      );
      await writeFile(
        file,
        `${modules.join("\n")}
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
Mutex file:${folder} default
PidFile ${folder}/apache2.pid
ErrorLog /dev/stderr
User www-data
Group www-data
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
StartServers 1
DocumentRoot ${root}
<Directory ${root}>
  Options +Indexes
  ${indexOptions}
  Require all granted
</Directory>
`,
      );
      return ["/usr/sbin/apache2", "-f", file, "-D", "FOREGROUND"];
    },
  };
}

const python: FileServer = {
  name: "python's http.server",
  command: async (port, root) => [
    "python3",
    ...["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", root],
  ],
};

let base: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "plugin-hosts-"));
  await chmod(base, 0o755); // Apache started by root serves as www-data
  const folder = join(base, "root", FOLDER);
  await mkdir(join(folder, "folder_amd64.d"), { recursive: true });
  for (const file of FILES) await writeFile(join(folder, file), "");
});

afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

describe.each([
  nginx,
  apache("Apache, plain list", "IndexOptions -FancyIndexing"),
  apache("Apache, fancy list", "IndexOptions FancyIndexing SuppressHTMLPreamble"),
  apache("Apache, table", "IndexOptions FancyIndexing HTMLTable VersionSort FoldersFirst"),
  python,
])("$name", ({ name, command }) => {
  let server: ChildProcess;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    const folder = await mkdtemp(join(base, "server-"));
    const [program, ...parameters] = await command(port, join(base, "root"), folder);
    // A file, since Apache opens /dev/stderr once more, which can't be done with a pipe of Node's.
    const output = join(folder, "output.log");
    const file = await open(output, "w");
    server = spawn(program, parameters, { stdio: ["ignore", file.fd, file.fd] });
    server.on("error", () => {}); // shows as a server without a pid
    await file.close();
    await listening(port, async () => {
      if (server.exitCode === null && server.pid !== undefined) return;
      throw new Error(`${name} did not start: ${await readFile(output, "utf8")}`);
    });
  });

  afterAll(() => end(server));

  test("lists the plugins of this system, with addresses that answer", async () => {
    const host = `http://127.0.0.1:${port}`;
    const warnings: unknown[] = [];
    const catalog = createCatalogue({
      client: testClient(),
      config: CONFIG,
      hosts: `${host}/`,
      log: recorder(warnings),
    });
    const { plugins, failedHosts } = await catalog.list("sources");

    const names = [LONG_NAME, "random", "with_underscores_2", "zmq"];
    expect({ ...plugins }).toEqual(
      Object.fromEntries(names.map((plugin) => [plugin, `${host}/${FOLDER}/${plugin}_amd64.zip`])),
    );
    expect(failedHosts).toEqual([]);
    expect(warnings).toEqual([]);
    for (const url of Object.values(plugins)) expect((await fetch(url)).status).toBe(200);
  });

  test("says so where a type has no folder", async () => {
    const warnings: unknown[] = [];
    const catalog = createCatalogue({
      client: testClient(),
      config: CONFIG,
      hosts: `http://127.0.0.1:${port}`,
      log: recorder(warnings),
    });
    await expect(catalog.list("sinks")).rejects.toMatchObject({
      code: "PLUGIN_HOSTS_FAILED",
      message: expect.stringMatching(
        /^no plugin host answered: http:\S+: 404 Not Found for \/kuiper-plugins\/\S+\/ and \/kuiper-plugins\/\S+\/$/,
      ),
    });
    expect(warnings).toHaveLength(1);
  });
});

function recorder(warnings: unknown[]) {
  return { warn: (...line: unknown[]) => void warnings.push(line) };
}

/** Resolves when something answers at `port`; `check` rejects when nothing ever will. */
async function listening(port: number, check: () => Promise<void>): Promise<void> {
  for (const started = performance.now(); performance.now() - started < START_LIMIT_MS; await pause(50)) {
    await check();
    const socket = connect(port, "127.0.0.1");
    const answered = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (answered) return;
  }
  throw new Error(`nothing answers at port ${port}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await exit;
  clearTimeout(force);
}

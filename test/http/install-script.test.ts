import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, vi } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post } from "../support/http-client.ts";

const test = serverTest({ INSTALLSCRIPT__TIMEOUTSECONDS: "50" })
  .extend("sentence", ({ host }) => (reason: string) => {
    return `sinks plugins create command error: fail to unzip file ${host.url("/sinks/scripted.zip")}: ${reason}\n`;
  })
  .extend(
    "install",
    ({ host, server }) =>
      (script: string, shellParas?: string[], files: Record<string, string> = {}): Promise<[number, string]> => {
        const file = host.serveZip({ type: "sinks", name: "scripted", script, files });
        return post(`${server.url}/plugins/sinks`, { name: "scripted", file, shellParas });
      },
  );

const CREATED = [201, "sinks plugin scripted is created"];

test("each of shellParas is one argument", async ({ folder, install }) => {
  const args = [
    "plain",
    "with spaces",
    `quotes " ' \` mixed`,
    "",
    "$HOME $(id) *",
    "-n",
    "--",
    "ünï\tcode",
    "line\nbreak",
  ];
  const output = join(folder, "args");
  expect(await install(`out="$1"; shift; for arg; do printf '%s\\0' "$arg"; done > "$out"`, [output, ...args])).toEqual(
    CREATED,
  );
  expect((await readFile(output, "utf8")).split("\0").slice(0, -1)).toEqual(args);
});

test("it runs in a folder with the zip's other files, which $0 tells, and needs no execute bit", async ({
  folder,
  install,
}) => {
  const script = `#!/bin/nothing\n{ pwd; dirname "$0"; cat "$(dirname "$0")/lib/sdk.txt" ./conf; ls -A; } > "$1"`;
  const output = join(folder, "seen");
  expect(await install(script, [output], { "lib/sdk.txt": "the sdk\n", conf: "the conf\n" })).toEqual(CREATED);
  const [cwd, dirname, sdk, conf, ...names] = (await readFile(output, "utf8")).trim().split("\n");
  expect(dirname).toBe(cwd);
  expect([sdk, conf]).toEqual(["the sdk", "the conf"]);
  expect(names).toEqual(["conf", "install.sh", "lib"]);
  expect(cwd).toMatch(/plugins\/\.changes\//);
});

test("it runs before any file is in its final place", async ({ folder, install, server }) => {
  const script = `ls -A ${"$1"}/plugins/sinks ${"$1"}/etc/sinks > "$2"`;
  const output = join(folder, "seen");
  expect(await install(script, [server.base, output])).toEqual(CREATED);
  expect(await readFile(output, "utf8")).not.toContain("Scripted");
  expect(await server.files()).toContain("plugins/sinks/Scripted@v1.0.0.so");
});

test("what it writes beside itself is gone afterwards", async ({ install, server }) => {
  expect(await install("echo x > ./downloaded; mkdir -p a/b; ln -s /etc link; chmod 0 a/b")).toEqual(CREATED);
  expect((await server.files()).filter((path) => path.includes(".changes/") && !path.endsWith(".changes/"))).toEqual(
    [],
  );
});

describe("a script that fails", () => {
  const LAST = "the last output of install.sh was: ";

  test.for<[what: string, script: string, reason: string]>([
    ["exit status", "echo one; echo two >&2; exit 3", `install.sh failed: exit status 3: ${LAST}one | two`],
    ["a missing command", "apt-gett install x", `install.sh failed: exit status 127: ${LAST}`],
    [
      "many lines",
      "for i in 1 2 3 4 5 6 7 8; do echo line $i; done; exit 1",
      `install.sh failed: exit status 1: ${LAST}line 4 | line 5 |`,
    ],
    ["nothing said", "exit 2", "install.sh failed: exit status 2: install.sh printed nothing"],
    ["set -e", "set -eu\necho before\nfalse\necho after", `install.sh failed: exit status 1: ${LAST}before`],
    ["a signal", "echo x; kill -9 $$", `install.sh failed: signal: killed: ${LAST}x`],
    ["a syntax error", "if then", "install.sh failed: exit status 2: "],
  ])("%s", async ([_, script, reason], { server, install, sentence }) => {
    const before = await snapshot(server.base);
    const [status, text] = await install(script);
    expect(status).toBe(400);
    expect(text).toContain(sentence(reason).trimEnd());
    expect(text).toMatch(/^[^\n]*\n$/);
    expect(await snapshot(server.base)).toEqual(before);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
    expect(await install("exit 0")).toEqual(CREATED); // nothing of it is in the way
  });

  test("by taking too long is ended, with all that it started", async ({ server, install, sentence, gate }) => {
    await server.start({ INSTALLSCRIPT__TIMEOUTSECONDS: "0.3" });
    const before = await snapshot(server.base);
    // Time passes when the test lets it: more than that may be over before the script has begun.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const answer = install('echo begun; sleep 300 & echo started > "$1"; sleep 300', [...gate.args]);
    await gate.started;
    vi.advanceTimersByTime(300);
    const [status, text] = await answer;
    expect([status, text]).toEqual([
      400,
      sentence(`install.sh was ended after 0.3 s (installScript.timeoutSeconds): ${LAST}begun`),
    ]);
    expect(await snapshot(server.base)).toEqual(before);
  });
});

test("a child in the background does not hold the reply", async ({ install }) => {
  expect(await install("sleep 300 & echo done")).toEqual(CREATED);
});

test("scripts can be forbidden", async ({ server, install, folder }) => {
  await server.start({ INSTALLSCRIPT__ENABLED: "false" });
  const [status, text] = await install(`touch ${join(folder, "ran")}`);
  expect([status, text]).toEqual([400, expect.stringContaining("install.sh is forbidden by installScript.enabled")]);
  await expect(readFile(join(folder, "ran"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("its output is in the log, with the request's id", async ({ install, server }) => {
  expect(await install("echo hello from the script")).toEqual(CREATED);
  const line = server.logged.find(({ msg }) => msg === "install.sh: hello from the script");
  const installed = server.logged.find(({ msg }) => msg === "plugin installed");
  expect(line?.reqId).toMatch(/./);
  expect(line?.reqId).toBe(installed?.reqId);
});

test("the server's own environment is not the script's", async ({ install, folder }) => {
  process.env.TEST_SECRET_OF_SERVER = "s3cret";
  try {
    expect(await install('env > "$1"', [join(folder, "env")])).toEqual(CREATED);
  } finally {
    delete process.env.TEST_SECRET_OF_SERVER;
  }
  expect(await readFile(join(folder, "env"), "utf8")).not.toContain("s3cret");
});

test("it is told where the engine's folders are, so that it writes into these", async ({ install, server }) => {
  const script = [
    "set -u", // not into the system's folders where one is missing
    'cp conf "$KuiperBaseKey/etc/from-base"',
    'cp conf "$KUIPER_ETC/from-etc"',
    'cp conf "$KUIPER_PLUGINS/from-plugins"',
  ].join("\n");
  expect(await install(script, [], { conf: "x" })).toEqual(CREATED);
  const files = await server.files();
  expect(files).toEqual(expect.arrayContaining(["etc/from-base", "etc/from-etc", "plugins/from-plugins"]));
});

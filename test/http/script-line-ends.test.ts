import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { runCommand } from "../../src/cli/inspect/command-line.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";

/** An install.sh that was saved on Windows: sh would run it, and leave a file named `target.txt\r`. */

const WINDOWS = '#!/bin/sh\r\ntouch "$1"/target.txt\r\n';

const test = stoppedServerTest.extend(
  "install",
  ({ host, server, folder }) =>
    (script: string | Buffer, files: Record<string, string | Buffer> = {}, path = "/plugins/sinks") => {
      const all = { "install.sh": script, ...files };
      const file = host.serveZip({ type: "sinks", name: "scripted", files: all });
      return post(`${server.url}${path}`, { name: "scripted", file, shellParas: [folder] });
    },
);

const REMEDY =
  "so sh would not run it as it was meant: save it as UTF-8 text without a byte order mark and with Unix line ends (sed -i 's/\\r$//' FILE removes Windows ones) and zip it again";
const SETTING = ", or set installScript.convertLineEnds\n";

describe("is refused before it runs", () => {
  test.for<[what: string, script: string | Buffer, said: string]>([
    ["CRLF", WINDOWS, `install.sh has Windows line ends (CRLF, first in line 2), ${REMEDY}${SETTING}`],
    [
      "BOM",
      `\ufeff${WINDOWS.replaceAll("\r", "")}`,
      `install.sh begins with a byte order mark (BOM), ${REMEDY}${SETTING}`,
    ],
    ["UTF-16", Buffer.from(`\ufeff${WINDOWS}`, "utf16le"), `install.sh is UTF-16 text, ${REMEDY}${SETTING}`],
    ["NUL", 'touch "$1"/target.txt\necho \0\n', `install.sh has NUL characters, ${REMEDY}\n`],
  ])("%s", async ([_, script, said], { server, folder, install }) => {
    await server.start();
    const before = await snapshot(server.base);
    const [status, text] = await install(script);
    expect(status).toBe(400);
    expect(text).toContain(`sinks plugins create command error: fail to unzip file `);
    expect(text.endsWith(`: ${said}`), text).toBe(true);
    expect(await snapshot(server.base)).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.startsWith("target"))).toEqual([]);
    expect(await install('touch "$1"/target.txt\n')).toEqual([201, "sinks plugin scripted is created"]);
  });

  test("with its own code", async ({ server, host }) => {
    await server.start();
    const file = host.serveZip({ type: "sinks", name: "scripted", script: WINDOWS });
    const headers = { accept: "application/json" };
    const body = JSON.stringify({ name: "scripted", file });
    const [status, text] = await ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body });
    expect([status, JSON.parse(text).error]).toEqual([400, "SCRIPT_INVALID"]);
  });

  test("by an inspection, too", async ({ server, install }) => {
    await server.start();
    const [status, text] = await install(WINDOWS, {}, "/plugins/sinks/inspect");
    expect([status, text]).toEqual([400, expect.stringContaining("install.sh has Windows line ends")]);
  });

  test("by an inspection on the command line", async ({ folder }) => {
    const file = await writePluginZip(folder, { type: "sinks", name: "scripted", script: WINDOWS });
    let printed = "";
    const print = (text: string) => {
      printed += text;
    };
    const { signal } = new AbortController();
    const options = { env: {}, baseFolder: folder, version: "0", print, printError: print, signal };
    expect(await runCommand(["inspect", file], options)).toBe(3);
    expect(printed).toContain("install.sh has Windows line ends");
  });
});

describe("a shell script that install.sh runs", () => {
  const HELPER = "touch $TARGET/helped.txt\r\n";

  test.for<[how: string, script: string, files: Record<string, string>]>([
    ["by its path", "./lib/setup.sh\n", { "lib/setup.sh": `#!/bin/sh\n${HELPER}` }],
    ["with sh", "sh lib/setup\n", { "lib/setup": HELPER }],
    ["into itself", '. "$(dirname "$0")/env"\n', { env: HELPER }],
    ["through another one", "sh ./a.sh\n", { "a.sh": "sh ./b.sh\n", "b.sh": HELPER }],
  ])("%s is refused, too", async ([_, script, files], { server, install }) => {
    await server.start();
    const name = Object.keys(files).at(-1);
    const [status, text] = await install(script, files);
    expect([status, text]).toEqual([400, expect.stringContaining(`: ${name} has Windows line ends (CRLF, first in`)]);
  });

  test("is converted with it", async ({ server, folder, install }) => {
    await server.start({ INSTALLSCRIPT__CONVERTLINEENDS: "true" });
    const files = { "lib/setup.sh": Buffer.from(`\ufeff#!/bin/sh\r\n${HELPER}`, "utf16le") };
    expect((await install('export TARGET="$1"\r\n./lib/setup.sh\r\n', files))[0]).toBe(201);
    expect(await readdir(folder)).toContain("helped.txt");
  });
});

test("files that install.sh does not run are left alone", async ({ server, folder, install }) => {
  await server.start();
  const files = { "for-windows.sh": "x\r\n", "setup.bat": "x\r\n", "conf.ini": "a=1\r\n", "tool.py": "#!python\r\n" };
  const script = 'cp conf.ini tool.py "$1"; touch "$1"/target.txt\n';
  expect((await install(script, files))[0]).toBe(201);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(["conf.ini", "target.txt", "tool.py"]));
});

test("installScript.convertLineEnds runs it as it was meant, and says so", async ({ server, folder, install }) => {
  await server.start({ INSTALLSCRIPT__CONVERTLINEENDS: "true" });
  expect((await install(`\ufeff${WINDOWS}`))[0]).toBe(201);
  expect((await readdir(folder)).filter((name) => name.startsWith("target"))).toEqual(["target.txt"]);
  const warning = server.logged.find(({ msg }) => String(msg).includes("installScript.convertLineEnds"));
  expect(warning).toMatchObject({ level: 40, files: ["install.sh has Windows line ends (CRLF, first in line 2)"] });
  const [status, text] = await install("echo \0\n", {}, "/plugins/sinks/inspect");
  expect([status, text]).toEqual([400, expect.stringContaining("install.sh has NUL characters")]);
});

test("a script that is larger than what is looked at is not converted, but refused", async ({ server, install }) => {
  await server.start({ INSTALLSCRIPT__CONVERTLINEENDS: "true" });
  const [status, text] = await install(`${WINDOWS}# ${"x".repeat(256 * 1024)}\n`);
  expect([status, text]).toEqual([400, expect.stringContaining("install.sh has Windows line ends")]);
  expect((await install(`echo x\n${"# a comment\n".repeat(30_000)}`))[0]).toBe(201);
});

test("how much of how many scripts is looked at is a setting", async ({ server, folder, install }) => {
  const large = `${WINDOWS}# ${"x".repeat(256 * 1024)}\n`;
  const helpers = { "helper.sh": "touch x\r\n" };
  await server.start({ INSTALLSCRIPT__CONVERTLINEENDS: "true", INSTALLSCRIPT__MAXTEXTBYTES: "300000" });
  expect((await install(large))[0]).toBe(201);
  expect(await readdir(folder)).toContain("target.txt");
  await server.start({ INSTALLSCRIPT__CONVERTLINEENDS: "true", INSTALLSCRIPT__MAXTEXTBYTES: "4096" });
  const [status, text] = await install(large, {}, "/plugins/sinks/inspect");
  expect([status, text]).toEqual([400, expect.stringContaining("raise installScript.maxTextBytes (4096)")]);
  await server.start();
  expect((await install("true ./helper.sh\n", helpers, "/plugins/sinks/inspect"))[0]).toBe(400);
  await server.start({ INSTALLSCRIPT__MAXHELPERS: "0" });
  expect((await install("true ./helper.sh\n", helpers, "/plugins/sinks/inspect"))[0]).toBe(200);
});

test("the folder of the scripts is gone in each case", async ({ server, install }) => {
  await server.start();
  await install(WINDOWS);
  expect(await readdir(join(server.base, "plugins/.changes")).catch(() => [])).toEqual([]);
});

import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PluginType } from "../../src/domain/plugin.ts";
import type { PluginEntry } from "../../src/domain/plugin-entry.ts";
import { createInspector } from "../../src/inspect/inspector.ts";
import { Clashes } from "../../src/plugins/verdicts/clashes.ts";
import { BUILD_TIMEOUT_MS, MODULE_FLAGS } from "../support/go-toolchains.ts";

/** What is said of two plugins that are installed, against what Go says when one engine loads both, in either order. */

const HOST = `package main

import (
	"encoding/json"
	"os"
	"plugin"
)

func main() {
	errors := []string{}
	for _, path := range os.Args[1:] {
		_, err := plugin.Open(path)
		if err == nil {
			errors = append(errors, "")
		} else {
			errors = append(errors, err.Error())
		}
	}
	json.NewEncoder(os.Stdout).Encode(errors)
}
`;
const libOf = (field: string) =>
  `package lib\n\ntype Row struct {\n\tName string\n\t${field}\n}\n\nfunc New() interface{} { return &Row{Name: "x"} }\n`;
const userOf = (name: string) => `package main\n\nimport "example.com/lib"\n\nvar ${name} = lib.New()\n`;
const goMod = (module: string, lib?: string) =>
  `module ${module}\n\ngo 1.16\n${lib ? `\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../${lib}\n` : ""}`;

const FILES: Readonly<Record<string, string>> = {
  "host/go.mod": goMod("example.com/host"),
  "host/main.go": HOST,
  "lib1/go.mod": goMod("example.com/lib"),
  "lib1/lib.go": libOf(""),
  "lib2/go.mod": goMod("example.com/lib"),
  "lib2/lib.go": libOf("Size int"),
  "alpha/go.mod": goMod("example.com/alpha", "lib1"),
  "alpha/main.go": userOf("Alpha"),
  "beta/go.mod": goMod("example.com/beta", "lib2"),
  "beta/main.go": userOf("Beta"),
  "same/go.mod": goMod("example.com/same", "lib1"),
  "same/main.go": userOf("Same"),
  "gamma/go.mod": goMod("plain"),
  "gamma/main.go": 'package main\n\nvar Gamma = "1"\n',
  "delta/go.mod": goMod("plain"),
  "delta/main.go": 'package main\n\nvar Delta = "22"\n',
};

let folder: string;
let host: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
  for (const [path, content] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  host = join(folder, "kuiperd");
  await go("host", "build", "-trimpath", "-o", host, ".");
  for (const name of ["alpha", "beta", "same", "gamma", "delta"]) await build(name);
  await build("alpha", "untrimmed.so", []);
  await copyFile(join(folder, "alpha.so"), join(folder, "copy.so"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function go(module: string, ...args: string[]): Promise<void> {
  const env = {
    ...process.env,
    GO111MODULE: "on",
    GOFLAGS: MODULE_FLAGS,
    GOPROXY: "off",
    GOSUMDB: "off",
    GOWORK: "off",
  };
  await promisify(execFile)("go", args, { cwd: join(folder, module), env, timeout: BUILD_TIMEOUT_MS });
}

async function build(name: string, file = `${name}.so`, flags: readonly string[] = ["-trimpath"]): Promise<void> {
  await go(name, "build", "-buildmode=plugin", ...flags, "-o", join(folder, file), ".");
}

/** Go's complaint about the plugin that it opens second; `""` when it loads it. */
async function secondOf(...names: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    host,
    names.map((name) => join(folder, `${name}.so`)),
    { timeout: 100_000 },
  );
  return JSON.parse(stdout)[1];
}

/** What the server would say of the second plugin while the first one is installed. */
async function clashesOf(first: string, second: string) {
  const inspector = createInspector({ config: { binary: host, verify: "warn" }, baseFolder: folder, env: {} });
  const [one, other] = await Promise.all(
    [first, second].map((name) => inspector.inspect(join(folder, `${name}.so`), [])),
  );
  const { verdict = "unknown", problems = [], identity } = one ?? {};
  const compatibility = { verdict, problems, basis: "", ...(identity && { identity }) };
  const entry: PluginEntry = { version: "", soFile: "x", files: [], compatibility };
  const none = new Map<string, PluginEntry>();
  const installed = { sources: none, sinks: none, functions: new Map([[first, entry]]) };
  const clashes = new Clashes((type: PluginType) => installed[type]);
  return { own: other?.problems, found: clashes.of({ type: "functions", name: second }, other?.identity) };
}

test.each([
  ["alpha", "beta", "PACKAGE_DIFFERS_FROM_PLUGIN", "different version of package example.com/lib"],
  ["gamma", "delta", "ALREADY_LOADED", "plugin already loaded"],
  ["alpha", "copy", "ALREADY_LOADED", "plugin already loaded"],
])("%s and %s exclude each other", async (one, other, code, words) => {
  for (const [first, second] of [
    [one, other],
    [other, one],
  ] as const) {
    const { own, found } = await clashesOf(first, second);
    expect([own, found.map((problem) => problem.code)]).toEqual([[], [code]]);
    expect(found[0]?.message).toContain(`functions/${first}`);
    expect(await secondOf(first, second)).toContain(words);
  }
});

test.each([
  ["alpha", "same"],
  ["beta", "gamma"],
])("%s and %s get along", async (first, second) => {
  expect(await clashesOf(first, second)).toEqual({ own: [], found: [] });
  expect(await secondOf(first, second)).toBe("");
});

test("even a plugin that the engine refuses keeps out another one", async () => {
  for (const second of ["alpha", "beta"]) {
    const { own, found } = await clashesOf("untrimmed", second);
    expect([own, found.length > 0]).toEqual([[], true]);
    expect(await secondOf("untrimmed", second)).toContain("different version of package example.com/");
  }
});

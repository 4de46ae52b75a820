import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { tempFolder } from "../support/temp-folder.ts";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
const cacheOf = (bundle: string) => `${bundle}-${process.version}-${process.arch}.cache`;
const CACHE = cacheOf("server");
const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { env: {} });

/** Another Node than this one made dist/, as when the tests run on several: its compiled code is not for this one. */
const isOfAnotherNode = !readdirSync(DIST).includes(CACHE) && readdirSync(DIST).some((name) => name.endsWith(".cache"));

test.skipIf(isOfAnotherNode).each(["server", "commands"])("V8 accepts what the build compiled: %s", async (bundle) => {
  const source = `
    const [code, cache] = process.argv.slice(1).map((file) => require("fs").readFileSync(file));
    const script = new vm.Script(code.toString("latin1"), { cachedData: cache });
    process.stdout.write(String(script.cachedDataRejected));`;
  const { stdout } = await node("-e", source, join(DIST, `${bundle}.js`), join(DIST, cacheOf(bundle)));
  expect(stdout).toBe("false");
});

test.each([
  ["none", undefined],
  ["an empty one", ""],
  ["one that is broken", "x".repeat(10_000)],
])("the server starts with no usable compiled code: %s", async (_, content) => {
  const folder = await tempFolder();
  for (const name of ["main.js", "server.js"]) await copyFile(join(DIST, name), join(folder, name));
  if (content !== undefined) await writeFile(join(folder, CACHE), content);
  const { stdout } = await node(join(folder, "main.js"), "--help");
  expect(stdout).toContain("Usage:");
});

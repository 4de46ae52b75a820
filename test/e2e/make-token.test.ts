import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { test as fixtures } from "../support/fixtures.ts";
import { modeOf } from "../support/folder-snapshot.ts";
import { ask } from "../support/http-client.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/make-token.mjs", import.meta.url));

const test = fixtures
  .extend("base", ({ folder }) => join(folder, "base"))
  .extend("run", ({ base, folder }) => (...args: string[]) => {
    const env = { PATH: process.env.PATH, KuiperBaseKey: base };
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  })
  .extend("makeToken", ({ run }) => (...args: string[]): string => {
    const { status, stdout, stderr } = run("--issuer", "dashboard", "--subject", "alice", ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    return stdout.trim();
  })
  .extend("refusal", ({ run }) => (...args: string[]) => {
    const { status, stdout, stderr } = run("--issuer", "dashboard", "--subject", "alice", ...args);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^make-token: [^\n]+\n$/);
    return stderr;
  });

test.for(["RS256", "ES256", "EdDSA"])(
  "a server takes its tokens: %s",
  async (algorithm, { launch, base, makeToken }) => {
    const url = await launch({ base, settings: { BASIC__AUTHENTICATION: "true" } }).url();
    const status = async (token: string, method = "GET") => {
      const headers = { authorization: `Bearer ${token}` };
      return (await ask(`${url}/plugins/sinks`, { method, headers }))[0];
    };
    const token = makeToken("--algorithm", algorithm); // the server need not be started again
    expect(await status(token)).toBe(200);
    expect(await status(token, "POST")).toBe(400); // let in: it lacks a body
    const reading = makeToken("--scope", "read", "--days", "0.5");
    expect([await status(reading), await status(reading, "POST")]).toEqual([200, 403]);
    expect((await ask(`${url}/plugins/sinks`))[0]).toBe(401);
  },
);

test("the private key is its owner's, beside no server; the public one is everybody's", async ({
  makeToken,
  folder,
  base,
}) => {
  makeToken();
  expect(await modeOf(join(folder, "dashboard.key"))).toBe("600");
  expect(await modeOf(join(base, "etc/mgmt/dashboard.pub"))).toBe("644");
  expect(await readFile(join(base, "etc/mgmt/dashboard.pub"), "utf8")).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
});

test("the server's user can reach the public key, whatever the umask; a folder that is there keeps its mode", async ({
  base,
  folder,
}) => {
  await mkdir(base, { mode: 0o700 });
  const command = `umask 077 && exec "$0" "$1" --issuer dashboard --subject alice`;
  const env = { PATH: process.env.PATH, KuiperBaseKey: base };
  const { status } = spawnSync("sh", ["-c", command, process.execPath, SCRIPT], { cwd: folder, env });
  expect(status).toBe(0);
  const modes = ["", "etc", "etc/mgmt", "etc/mgmt/dashboard.pub"].map((name) => modeOf(join(base, name)));
  expect(await Promise.all(modes)).toEqual(["700", "755", "755", "644"]);
});

test("an existing key is used again, also for another server", async ({ makeToken, folder, base }) => {
  makeToken("--key", "mine.key");
  const files = [join(folder, "mine.key"), join(base, "etc/mgmt/dashboard.pub")];
  const read = () => Promise.all(files.map((file) => readFile(file, "utf8")));
  const before = await read();
  makeToken("--key", "mine.key");
  expect(await read()).toEqual(before);
  makeToken("--key", "mine.key", "--base", join(folder, "second"));
  expect(await readFile(join(folder, "second/etc/mgmt/dashboard.pub"), "utf8")).toBe(before[1]);
});

describe("it refuses, and writes nothing", () => {
  test("a public key without its private one, or of another", async ({ makeToken, base, refusal }) => {
    makeToken();
    const before = await readFile(join(base, "etc/mgmt/dashboard.pub"), "utf8");
    expect(refusal("--key", "other.key")).toMatch(/dashboard\.pub is there, but not its private key/);
    makeToken("--key", "other.key", "--base", "second");
    expect(refusal("--key", "other.key")).toMatch(/dashboard\.pub belongs to another key/);
    expect(await readFile(join(base, "etc/mgmt/dashboard.pub"), "utf8")).toBe(before);
  });

  test("a public key's file that has none", async ({ makeToken, base, refusal }) => {
    makeToken();
    await writeFile(join(base, "etc/mgmt/dashboard.pub"), "hello");
    expect(refusal()).toMatch(/dashboard\.pub can't be used as a public key: /);
  });

  test("a private key on its way into etc", async ({ refusal, base }) => {
    expect(refusal("--key", join(base, "etc/mgmt/dashboard.key"))).toMatch(/must not be in /);
    await expect(modeOf(join(base, "etc"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a key that can't sign", async ({ folder, refusal, makeToken }) => {
    await mkdir(join(folder, "keys"));
    await writeFile(join(folder, "keys/text"), "hello");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    await writeFile(join(folder, "keys/p384"), privateKey.export({ type: "pkcs8", format: "pem" }));
    expect(refusal("--key", "keys/text")).toMatch(/can't be used as a private key/);
    expect(refusal("--key", "keys/p384")).toMatch(/is a key for none of RS256, ES256, EdDSA/);
    makeToken("--algorithm", "ES256");
    expect(refusal("--algorithm", "EdDSA")).toMatch(/dashboard\.key is a key for ES256/);
  });

  test.for([
    [["--issuer", "../x"], /--issuer must be/],
    [["--issuer", ""], /--issuer and --subject are needed/],
    [["--subject", ""], /--issuer and --subject are needed/],
    [["--days", "soon"], /--days is/],
    [["--days", "-1"], /--days/],
    [["--scope", "all"], /--scope is read or write/],
    [["--algorithm", "HS256"], /--algorithm is one of RS256, ES256, EdDSA/],
    [["--nonsense"], /nonsense/],
    [["more"], /more/],
  ] as const)("arguments %j", async ([args, line], { refusal, base }) => {
    expect(refusal(...args)).toMatch(line);
    await expect(modeOf(base)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

test("--help prints the usage", ({ run }) => {
  expect(run("--help")).toEqual({ status: 0, stdout: expect.stringMatching(/^Usage: .*--issuer NAME/s), stderr: "" });
});

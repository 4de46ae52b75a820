import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { makeCertificate } from "../support/file-server.ts";
import { test as fixtures } from "../support/fixtures.ts";

/** A configuration that the server can't start with: one line on standard error, exit code 1, nothing else. */

const test = fixtures
  .extend("base", async ({ folder }) => {
    await mkdir(join(folder, "etc"));
    return folder;
  })
  .extend(
    "refusal",
    ({ base, launch }) =>
      async (settings: Record<string, string> = {}, at = base): Promise<string> => {
        const server = launch({ base: at, settings });
        expect(await server.exited).toEqual({ code: 1, signal: null });
        expect(server.stdout).toBe("");
        expect(server.stderr).toMatch(/^kuiper-plugin-server: [^\n]+\n$/);
        return server.stderr.slice("kuiper-plugin-server: ".length, -1).replaceAll(base, "BASE");
      },
  );

describe("a wrong kuiper.yaml", () => {
  test.for<[what: string, yaml: string, line: string | RegExp]>([
    ["port", "basic:\n  debug: maybe\n", 'BASE/etc/kuiper.yaml: basic.debug is "maybe"; allowed is true or false'],
    [
      "number",
      "changes:\n  maxConcurrent: 0\n",
      "BASE/etc/kuiper.yaml: changes.maxConcurrent is 0; allowed is a whole number from 1 to 256",
    ],
    [
      "choice",
      "log:\n  format: xml\n",
      'BASE/etc/kuiper.yaml: log.format is "xml"; allowed is one of auto, json, pretty',
    ],
    ["section", "basic: on\n", /^BASE\/etc\/kuiper\.yaml: basic is .*; it should have keys below it/],
    ["list at the top", "- a\n", /^BASE\/etc\/kuiper\.yaml should have keys such as basic:, but it is /],
    ["YAML", "basic: [\n", /^BASE\/etc\/kuiper\.yaml is not valid YAML: /],
    ["YAML with a tab", "basic:\n\tdebug: true\n", /^BASE\/etc\/kuiper\.yaml is not valid YAML: /],
    ["YAML of lists in lists", "- ".repeat(101), "BASE/etc/kuiper.yaml has more than 100 levels"],
    ["no YAML at all", "\x00\x01\x02", /^BASE\/etc\/kuiper\.yaml /],
    [
      "certificate missing",
      "basic:\n  restTls: {certfile: a.pem, keyfile: b.pem}\n",
      /^basic\.restTls\.certfile is a\.pem, which can't be read: /,
    ],
    [
      "key missing",
      "basic:\n  restTls: {certfile: etc/kuiper.yaml, keyfile: b.pem}\n",
      /^basic\.restTls\.keyfile is b\.pem, which can't be read: /,
    ],
    [
      "certificate without key",
      "basic:\n  restTls: {certfile: a.pem}\n",
      "basic.restTls needs both certfile and keyfile, or neither for plain HTTP",
    ],
    [
      "certificate that is none",
      "basic:\n  restTls: {certfile: etc/kuiper.yaml, keyfile: etc/kuiper.yaml}\n",
      /^basic\.restTls: .*certfile.*keyfile/,
    ],
  ])("%s", async ([_, yaml, line], { base, refusal }) => {
    await writeFile(join(base, "etc/kuiper.yaml"), yaml);
    expect(await refusal()).toEqual(typeof line === "string" ? line : expect.stringMatching(line));
  });

  test("that names a FIFO or a folder for the certificate is refused, and not waited for", async ({
    base,
    refusal,
  }) => {
    execFileSync("mkfifo", [join(base, "etc/fifo.pem")]);
    for (const certfile of ["etc/fifo.pem", "etc"]) {
      const yaml = `basic:\n  restTls: {certfile: ${certfile}, keyfile: b.pem}\n`;
      await writeFile(join(base, "etc/kuiper.yaml"), yaml);
      const line = `basic.restTls.certfile is ${certfile}, which can't be read: it is not a regular file`;
      expect(await refusal()).toBe(line);
    }
  });

  test("that is a folder is refused", async ({ base, refusal }) => {
    await mkdir(join(base, "etc/kuiper.yaml"));
    expect(await refusal()).toMatch(/^BASE\/etc\/kuiper\.yaml can't be read: EISDIR/);
  });
});

describe("a wrong environment variable", () => {
  test.for([
    ["BASIC__RESTPORT", "70000", '"70000"; allowed is a whole number from 0 to 65535'],
    ["BASIC__RESTPORT", "80a", '"80a"; allowed is a whole number from 0 to 65535'],
    ["BASIC__DEBUG", "on", '"on"; allowed is true or false'],
    ["PREBUILD__CACHESECONDS", "-1", '"-1"; allowed is a number from 0 to 86400'],
  ] as const)("%s=%s", async ([key, value, rest], { refusal }) => {
    const line = await refusal({ [key]: value });
    expect(line.replaceAll(/is (-?\d+);/g, 'is "$1";')).toBe(`environment variable KUIPER__${key} is ${rest}`);
  });
});

test("a certificate and a key that do not belong together are refused", async ({ skip, base, refusal }) => {
  const [one, other] = [await makeCertificate(), await makeCertificate()];
  if (one === undefined || other === undefined) return skip("openssl is missing");
  await writeFile(join(base, "etc/a.pem"), one.cert);
  await writeFile(join(base, "etc/b.key"), other.key);
  const settings = { BASIC__RESTTLS__CERTFILE: "etc/a.pem", BASIC__RESTTLS__KEYFILE: "etc/b.key" };
  expect(await refusal(settings)).toMatch(/^basic\.restTls: .*certfile.*keyfile/);
});

test("a port that is taken is reported", async ({ refusal }) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  try {
    expect(await refusal({ BASIC__RESTPORT: String(port) })).toMatch(
      new RegExp(
        `^can't listen on basic\\.restIp 127\\.0\\.0\\.1, basic\\.restPort ${port}: .*EADDRINUSE.*; if that is the engine, set KUIPER__BASIC__RESTPORT to`,
      ),
    );
  } finally {
    taken.close();
  }
});

test.for(["256.1.1.1", "192.0.2.1", "nowhere.invalid"])(
  "an address that is not ours is reported: %s",
  async (address, { refusal }) => {
    expect(await refusal({ BASIC__RESTIP: address })).toMatch(
      new RegExp(`^can't listen on basic\\.restIp ${address.replaceAll(".", "\\.")}, basic\\.restPort 0: `),
    );
  },
);

test("a base folder that is a file is refused", async ({ base, refusal }) => {
  await writeFile(join(base, "file"), "");
  expect(await refusal({}, join(base, "file"))).toMatch(/^(the base folder )?BASE\/file/);
  expect(await refusal({}, join(base, "file/below"))).toMatch(
    /^the base folder BASE\/file\/below can't be used: ENOTDIR/,
  );
});

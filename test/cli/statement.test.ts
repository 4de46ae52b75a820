import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { runCommand } from "../../src/cli/inspect/command-line.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { makeSigner, type Signer, writeTrusted } from "../support/signing.ts";
import { envelopeOf, statementOf, toBytes } from "../support/statements.ts";
import { tempFolder } from "../support/temp-folder.ts";

const ZIP = pluginZip({ type: "sources", name: "random" });
const RANDOM = { type: "sources", name: "random", version: "1.0.0" };

let folder: string;
let vendor: Signer;
beforeEach(async () => {
  folder = await tempFolder();
  vendor = makeSigner(folder, "ecdsa");
  await writeTrusted(join(folder, "etc/trust/vendor.pub"), vendor.publicPem);
  await writeFile(join(folder, "random.zip"), ZIP);
});

async function inspect(content: Buffer, ...args: string[]) {
  const statement = join(folder, "random.zip.intoto.jsonl");
  await writeFile(statement, content);
  const printed: string[] = [];
  const file = join(folder, args[0] ?? "random.zip");
  const status = await runCommand(["inspect", file, "--statement", statement, ...args.slice(1)], {
    env: {},
    baseFolder: folder,
    version: "0",
    print: (text) => void printed.push(text),
    printError: (text) => void printed.push(text),
    signal: new AbortController().signal,
  });
  return { status, printed: printed.join("") };
}

test("a good statement is in the report", async () => {
  const statement = toBytes(envelopeOf(statementOf(ZIP, RANDOM), vendor));
  expect((await inspect(statement)).printed).toContain("  stated by vendor.pub\n");
  const { printed } = await inspect(statement, "random.zip", "--json");
  expect(JSON.parse(printed).verified).toMatchObject({ signature: { key: "vendor.pub" }, statement: RANDOM });
});

test.for<[string, () => Buffer, string]>([
  ["another plugin", () => made({ ...RANDOM, name: "other" }), "but the request is about sources/random"],
  [
    "another version",
    () => made({ ...RANDOM, version: "2.0.0" }),
    "about version 2.0.0, but the zip has Random@v1.0.0.so",
  ],
  ["something else", () => made({}, "https://slsa.dev/provenance/v1"), "is not about a plugin"],
  ["nothing", () => Buffer.from("x"), "the signed statement is malformed: it is not JSON"],
  ["too much", () => Buffer.alloc(65_537, " "), "it has more than 65536 bytes"],
])("a statement about %s is refused", async ([_, make, message]) => {
  expect(await inspect(make())).toEqual({ status: 3, printed: expect.stringContaining(message) });
});

test("a .so has no statement", async () => {
  expect(await inspect(made(RANDOM), "Random.so")).toEqual({
    status: 3,
    printed: expect.stringContaining("--statement"),
  });
});

function made(predicate: object, predicateType?: string): Buffer {
  return toBytes(envelopeOf(statementOf(ZIP, predicate, predicateType === undefined ? {} : { predicateType }), vendor));
}

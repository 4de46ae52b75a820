import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createTrust } from "../../src/package/trust/trust.ts";
import { codeBlocks } from "../support/markdown.ts";
import { makeSigner, writeTrusted } from "../support/signing.ts";
import { sha256Of } from "../support/statements.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { testLog } from "../support/test-log.ts";

it("docs/api.md: the openssl commands make a statement that is accepted", async () => {
  const docs = await readFile(new URL("../../docs/api.md", import.meta.url), "utf8");
  const commands = codeBlocks(docs).find(({ code }) => code.startsWith("TYPE="))?.code ?? "";
  const folder = await tempFolder();
  const signer = makeSigner(folder, "rsa");
  const zip = Buffer.from("the zip");
  await writeFile(join(folder, "random.zip"), zip);
  await writeFile(join(folder, "random.json"), '{"type":"sources","name":"random","version":"1.2.0"}\n');
  await writeFile(join(folder, "rsa-or-ecdsa.pem"), signer.privatePem);
  execFileSync("/bin/bash", ["-euc", commands], { cwd: folder });

  await writeTrusted(join(folder, "trust/vendor.pub"), signer.publicPem);
  const config = { require: true, requireStatement: true, maxEd25519Bytes: 1, maxStatementBytes: 65_536 };
  const trust = createTrust({ folder: join(folder, "trust"), config, log: testLog().log });
  const statement = await readFile(join(folder, "random.zip.intoto.jsonl"));
  const subject = { id: { type: "sources", name: "random" }, sha256: sha256Of(zip) } as const;
  expect(await trust.verifyStatement(statement, subject, new AbortController().signal)).toMatchObject({
    signature: { key: "vendor.pub", algorithm: "rsa-sha256" },
    statement: { type: "sources", name: "random", version: "1.2.0" },
  });
});

import { expect, test } from "vitest";
import { codeBlocks } from "../support/markdown.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { copyCheckout, freePort, linkPackages, Program, readText, waitForPing } from "./programs.ts";
import { masked, paste } from "./walk.ts";

test("the README's curl session gives the answers that it shows", async () => {
  const readme = await readText("README.md");
  const [, session = ""] = /<!-- session -->([\s\S]*?)<!-- \/session -->/.exec(readme) ?? [];
  const [commands, answers] = codeBlocks(session).map(({ code }) => code);
  expect(codeBlocks(readme)[0]).toEqual({ language: "bash", code: "npm ci && npm start\n" });
  expect(commands).toMatch(/^API=\$\{API:-http:\/\/127\.0\.0\.1:9081\}\n/);

  const clone = await tempFolder();
  await copyCheckout(clone);
  await linkPackages(clone);
  const port = await freePort();
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };
  const server = new Program(["npm", "start"], {
    cwd: clone,
    env: { ...env, KUIPER__BASIC__RESTPORT: String(port) },
  });
  const API = `http://127.0.0.1:${port}`;
  await waitForPing(API, server, 100); // it is built first

  const TMPDIR = await tempFolder();
  const { code, stdout, stderr } = await paste(commands ?? "", { cwd: clone, env: { ...env, API, TMPDIR } });
  expect(masked(stdout), stderr).toBe(masked(answers ?? ""));
  expect(code, stderr).toBe(0);
});

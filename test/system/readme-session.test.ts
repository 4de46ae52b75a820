import { expect, test } from "vitest";
import { tempFolder } from "../support/temp-folder.ts";
import { copyCheckout, freePort, linkPackages, Program, readText, run, waitForPing } from "./programs.ts";

/** What differs from run to run: the temporary folder and the time. */
function masked(text: string): string {
  return text
    .replace(/file:\/\/\/[^"]+\/example\.zip/g, "file:///…/example.zip")
    .replace(/"installedAt":"[\d-]{10}T[\d:.]+Z"/g, '"installedAt":"…"');
}

function codeBlock(markdown: string, language: string): string {
  const [, code] = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "m").exec(markdown) ?? [];
  if (code === undefined) throw new Error(`there is no ${language} block`);
  return code;
}

test("the README's curl session gives the answers that it shows", async () => {
  const readme = await readText("README.md");
  const [, session = ""] = /<!-- session -->([\s\S]*?)<!-- \/session -->/.exec(readme) ?? [];
  const commands = codeBlock(session, "bash");
  expect(codeBlock(readme, "bash")).toBe("npm ci && npm start\n");
  expect(commands).toMatch(/^API=\$\{API:-http:\/\/127\.0\.0\.1:9081\}\n/);

  const clone = await tempFolder();
  await copyCheckout(clone);
  await linkPackages(clone);
  const port = await freePort();
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const server = new Program(["npm", "start"], {
    cwd: clone,
    env: { ...env, KUIPER__BASIC__RESTPORT: String(port) },
  });
  const API = `http://127.0.0.1:${port}`;
  await waitForPing(API, server);

  const TMPDIR = await tempFolder();
  const { code, stdout, stderr } = await run(["bash", "-e", "-c", commands], {
    cwd: clone,
    env: { ...env, API, TMPDIR },
  });
  expect(masked(stdout), stderr).toBe(masked(codeBlock(session, "text")));
  expect(code, stderr).toBe(0);
});

import { expect, test } from "vitest";
import { codeBlocks } from "../support/markdown.ts";
import { readText } from "./programs.ts";
import { checkout, follow } from "./walk.ts";

test("the README's curl session gives the answers that it shows", async () => {
  const readme = await readText("README.md");
  const [, session = ""] = /<!-- session -->([\s\S]*?)<!-- \/session -->/.exec(readme) ?? [];
  const [commands = "", output = ""] = codeBlocks(session).map(({ code }) => code);
  expect(codeBlocks(readme)[0]).toEqual({ language: "bash", code: "npm ci && npm start\n" });
  expect(commands).toMatch(/^API=\$\{API:-http:\/\/127\.0\.0\.1:9081\}\n/);

  await follow({ start: "npm start\n", commands, output }, await checkout());
});

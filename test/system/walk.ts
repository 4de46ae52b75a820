import { expect } from "vitest";
import { freePort } from "../support/free-port.ts";
import { codeBlocks } from "../support/markdown.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { copyCheckout, linkPackages, Program, run, waitForPing } from "./programs.ts";

/** A server that a document starts, what it then asks of it, and what that prints. */
export interface Walk {
  readonly start: string;
  readonly commands: string;
  readonly output: string;
}

/** A bash block with `npm start` begins a walk; its other bash blocks are one session, whose output the text blocks show. */
export function walksOf(markdown: string): Walk[] {
  const walks: { start: string; commands: string; output: string }[] = [];
  for (const { language, code } of codeBlocks(markdown)) {
    const walk = walks.at(-1);
    if (language === "bash" && code.includes("npm start")) walks.push({ start: code, commands: "", output: "" });
    else if (walk === undefined) throw new Error(`nothing is started before ${code}`);
    else if (language === "bash") walk.commands += code;
    else walk.output += code;
  }
  return walks;
}

/** A copy of this project, as somebody has it who has cloned it and installed its packages. */
export async function checkout(): Promise<string> {
  const folder = await tempFolder();
  await copyCheckout(folder);
  await linkPackages(folder);
  return folder;
}

/** Starts the server in a folder as the document says, except for its port, and pastes the commands. */
export async function follow({ start, commands, output }: Walk, cwd: string, port?: number): Promise<void> {
  port ??= await freePort();
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const settings = { KUIPER__BASIC__RESTPORT: String(port) };
  const server = new Program(["bash", "-e", "-c", start], { cwd, env: { ...env, ...settings } });
  const API = `http://127.0.0.1:${port}`;
  await waitForPing(API, server, 300); // it may be built first
  const TMPDIR = await tempFolder();
  const { code, stdout, stderr } = await run(["bash", "-e", "-c", commands], { cwd, env: { ...env, API, TMPDIR } });
  expect(masked(stdout), stderr).toBe(masked(output));
  expect(code, stderr).toBe(0);
}

/** Without what differs from run to run: temporary folders, times, versions of this server. */
function masked(text: string): string {
  return text
    .replaceAll("\r", "")
    .replace(/file:\/\/\/[^"]+\/example\.zip/g, "file:///…/example.zip")
    .replace(/"installedAt":"[\d-]{10}T[\d:.]+Z"/g, '"installedAt":"…"')
    .replace(/"upTimeSeconds":\d+/g, '"upTimeSeconds":…')
    .replace(/"version":"[\d.]+","(?=os|upTime)/g, '"version":"…","');
}

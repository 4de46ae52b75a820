import { codeBlocks } from "../support/markdown.ts";
import { type Finished, run } from "./programs.ts";

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

/** Runs commands as somebody does who pastes them, and ends at the first that fails. */
export function paste(commands: string, options: { cwd: string; env: Record<string, string> }): Promise<Finished> {
  return run(["bash", "-e", "-c", commands], options);
}

/** Without what differs from run to run: temporary folders, times, versions of this server. */
export function masked(text: string): string {
  return text
    .replaceAll("\r", "")
    .replace(/file:\/\/\/[^"]+\/example\.zip/g, "file:///…/example.zip")
    .replace(/"installedAt":"[\d-]{10}T[\d:.]+Z"/g, '"installedAt":"…"')
    .replace(/"upTimeSeconds":\d+/g, '"upTimeSeconds":…')
    .replace(/"version":"[\d.]+","(?=os|upTime)/g, '"version":"…","');
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Whose rights and limits count: the running server's, or those of this process in its place. */
export interface ProcessFacts {
  /** `self`, or the number of the server's process. */
  readonly pid: number | "self";
  readonly uid: number;
  readonly gids: readonly number[];
  /** Undefined where the system does not tell. */
  readonly umask: number | undefined;
  /** How many files it may have open; undefined where the system does not tell. */
  readonly openFiles: number | undefined;
}

/** @param pid undefined takes this process */
export async function readProcessFacts(pid: number | undefined, proc: string): Promise<ProcessFacts> {
  const who = pid ?? "self";
  const read = (name: string) => readFile(join(proc, String(who), name), "utf8").catch(() => "");
  const [status, limits] = await Promise.all([read("status"), read("limits")]);
  const numbers = (field: string) => {
    const line = status.split("\n").find((one) => one.startsWith(`${field}:`)) ?? "";
    return line.slice(field.length + 1).match(/\d+/g) ?? [];
  };
  const [, uid = process.geteuid?.() ?? 0] = numbers("Uid").map(Number);
  const [, gid = process.getegid?.() ?? 0] = numbers("Gid").map(Number);
  const [umask] = numbers("Umask").map((digits) => Number.parseInt(digits, 8));
  const open = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return {
    pid: who,
    uid,
    gids: [gid, ...numbers("Groups").map(Number)],
    umask,
    openFiles: open === undefined ? undefined : Number(open),
  };
}

/** `the server (process 123)`, or who would run it. */
export function nameOf({ pid, uid }: ProcessFacts): string {
  return pid === "self" ? `this user (${uid})` : `the server (process ${pid}, user ${uid})`;
}

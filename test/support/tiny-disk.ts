import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A file system of its own, that can be filled and made read-only. Linux, and root alone, can mount one. */
export interface TinyDisk {
  readonly folder: string;
  setReadOnly(readOnly: boolean): void;
}

export const CAN_MOUNT = process.platform === "linux" && process.getuid?.() === 0 && tryMount();

/** Mounts a tmpfs of so many bytes; it is gone after the test. */
export function tinyDisk(bytes: number): TinyDisk {
  const folder = mountTmpfs(bytes);
  onTestFinished(() => unmount(folder));
  return {
    folder,
    setReadOnly: (readOnly) => run("mount", "-o", `remount,${readOnly ? "ro" : "rw"}`, folder),
  };
}

/** Mounts a file or a folder over another one, as `docker -v` does, until the end of the test. */
export function bindMount(from: string, to: string, options: { readonly readOnly?: boolean } = {}): void {
  run("mount", "--bind", from, to);
  onTestFinished(() => run("umount", to));
  if (options.readOnly) run("mount", "-o", "remount,bind,ro", to);
}

function tryMount(): boolean {
  try {
    unmount(mountTmpfs(4096));
    return true;
  } catch {
    return false; // a container without the right to
  }
}

function mountTmpfs(bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), "plugin-server-disk-"));
  try {
    run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder);
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  return folder;
}

function unmount(folder: string): void {
  run("umount", folder);
  rmdirSync(folder);
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
}

import type { Stats } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { hasCode, systemMessage } from "../lib/errors.ts";
import { OPEN_WITHOUT_WAITING } from "../lib/files.ts";
import { quoted } from "../lib/text.ts";
import { FetchFailure } from "./failure.ts";
import type { FileTarget } from "./file-target.ts";
import { isBelow } from "./hosts.ts";

/** How much of a path is in a message. */
const MAX_SHOWN = 1000;

const READ_BYTES = 512 * 1024;

interface FileRules {
  /** `pluginDownload.allowedFolders`; empty allows every file. */
  readonly allowedFolders: readonly string[];
  /** Where relative folders start. */
  readonly baseFolder: string;
}

interface FileOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: ((bytes: number, total?: number) => void) | undefined;
}

/**
 * Copies the regular file that a `file:` URL names.
 *
 * @throws FetchFailure
 */
export async function copyFile(
  url: URL,
  target: FileTarget,
  rules: FileRules,
  { signal, onProgress }: FileOptions,
): Promise<void> {
  const path = fileURLToPath(url);
  const printablePath = quoted(path, MAX_SHOWN);
  const handle = await openAllowed(path, printablePath, rules);
  try {
    const { size } = await handle.stat();
    target.expect(size);
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await readSome(handle, buffer, printablePath);
      if (bytesRead === 0) break;
      await target.write(buffer.subarray(0, bytesRead));
      onProgress?.(target.bytes, size);
    }
    if (target.bytes < size) throw new FetchFailure("unexpected EOF");
  } finally {
    await handle.close();
  }
}

async function openAllowed(path: string, printablePath: string, rules: FileRules): Promise<FileHandle> {
  const real = rules.allowedFolders.length === 0 ? path : await allowedPath(path, printablePath, rules);
  let handle: FileHandle;
  try {
    handle = await open(real, OPEN_WITHOUT_WAITING);
  } catch (cause) {
    if (hasCode(cause, "ENXIO", "ENODEV")) throw notRegular(printablePath, cause); // a socket, a device without a driver
    throw unreachable(hasCode(cause, "EACCES") ? "open" : "stat", printablePath, cause);
  }
  try {
    const opened = await handle.stat();
    if (!opened.isFile()) throw notRegular(printablePath);
    // The path was checked before it was opened: make sure that it still leads to what was opened.
    if (rules.allowedFolders.length > 0 && !(await leadsTo(real, opened))) throw notAllowed(printablePath);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The path without links, if it is below an allowed folder. What is outside is refused whether it exists or not. */
async function allowedPath(path: string, printablePath: string, rules: FileRules): Promise<string> {
  const folders = rules.allowedFolders.map((folder) => resolve(rules.baseFolder, folder));
  const realFolders = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  let real: string;
  try {
    real = await realpath(path);
  } catch (cause) {
    if (![...folders, ...realFolders].some((folder) => isBelow(folder, path))) throw notAllowed(printablePath);
    throw unreachable("stat", printablePath, cause);
  }
  if (!realFolders.some((folder) => isBelow(folder, real))) throw notAllowed(printablePath);
  return real;
}

async function leadsTo(real: string, opened: Stats): Promise<boolean> {
  try {
    const now = await stat(real);
    return (await realpath(real)) === real && now.dev === opened.dev && now.ino === opened.ino;
  } catch {
    return false; // it was moved away meanwhile
  }
}

async function readSome(handle: FileHandle, buffer: Buffer, printablePath: string): Promise<{ bytesRead: number }> {
  try {
    return await handle.read(buffer, 0, buffer.length, null);
  } catch (cause) {
    throw new FetchFailure(`read ${printablePath}: ${systemMessage(cause)}`, { cause });
  }
}

function unreachable(action: string, printablePath: string, cause: unknown): FetchFailure {
  return new FetchFailure(`${action} ${printablePath}: ${systemMessage(cause)}`, {
    cause,
    absent: hasCode(cause, "ENOENT"),
  });
}

function notRegular(printablePath: string, cause?: unknown): FetchFailure {
  return new FetchFailure(`${printablePath} is not a regular file`, { cause });
}

function notAllowed(printablePath: string): FetchFailure {
  return new FetchFailure(`${printablePath} is not in a folder of pluginDownload.allowedFolders`);
}

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";

/** Names of the engine's binary in the base folder; of Kuiper, `kuiper` and `server` are of some versions only. */
const USUAL = ["kuiperd", "kuiper", "server"];

/** A file that may be the engine. */
export interface EngineFile {
  readonly path: string;
  /** Another one when the file is replaced or written to. */
  readonly identity: string;
  /** Whether it was named, or has the name that only the engine has: others may be the engine's command line. */
  readonly isCertain: boolean;
}

/** What a setting or an option names, else the usual names; relative ones start at `baseFolder`. */
export function enginePaths(binary: string, baseFolder: string): { path: string; isCertain: boolean }[] {
  if (binary !== "") return [{ path: resolve(baseFolder, binary), isCertain: true }];
  return USUAL.map((name, index) => ({ path: join(baseFolder, "bin", name), isCertain: index === 0 }));
}

/** Those of `paths` that are there. */
export async function findEngineFiles(paths: readonly { path: string; isCertain: boolean }[]): Promise<EngineFile[]> {
  const files = await Promise.all(paths.map(async (one) => ({ ...one, identity: await identityOf(one.path) })));
  return files.filter(({ identity }) => identity !== "");
}

/** `""` when there is no such file. The time of its last change of any kind shows what an unpacked time does not. */
async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].map((number) => number.toString(36)).join("-");
  } catch {
    return "";
  }
}

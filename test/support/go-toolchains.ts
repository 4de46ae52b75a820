import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A Go besides the installed one. */
export interface GoToolchain {
  /** Such as `go1.22.12`. */
  readonly version: string;
  /** What makes it the Go of a test's builds. */
  readonly env: Readonly<Record<string, string>>;
}

/** For builds that write go.sum themselves, and whose downloads can be removed. Go before 1.14 has neither flag. */
export const MODULE_FLAGS = process.env.GO_MODULE_FLAGS ?? "-mod=mod -modcacherw";

/** A bound for a build that hangs: one that finds nothing built compiles Go's library first. */
export const BUILD_TIMEOUT_MS = 500_000;

/** The versions of `GO_VERSIONS`, such as `1.13.15 1.22.12`. */
export function otherGoVersions({ GO_VERSIONS = "" }: NodeJS.ProcessEnv): string[] {
  return GO_VERSIONS.split(/[\s,]+/).filter((version) => version !== "");
}

/** The installed Go, from 1.21 on, downloads others. @returns why there is no such Go, if there is none */
export async function findGoToolchain(version: string): Promise<GoToolchain | string> {
  const wanted = `go${version}`;
  try {
    const goRoot = (await go("go", { GOTOOLCHAIN: wanted }, "env", "GOROOT")).trim();
    const minor = Number(version.split(".")[1]);
    const env = {
      PATH: `${join(goRoot, "bin")}:${process.env.PATH}`,
      GOTOOLCHAIN: "local",
      GOENV: "off", // settings of the user may be flags that an older Go does not know
      ...(minor < 14 && { GO_MODULE_FLAGS: "" }),
      // Its index of modules does not find one without a dot in its name if Go itself lies among the modules.
      ...(minor === 19 && { GODEBUG: "goindex=0" }),
    };
    const found = (await go(join(goRoot, "bin/go"), env, "version")).split(" ")[2] ?? "";
    return found === wanted ? { version: wanted, env } : `the installed Go can't download ${wanted}, it is ${found}`;
  } catch (error) {
    return `there is no ${wanted}: ${(error as Error).message.trim()}`;
  }
}

async function go(program: string, env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  // Not in a folder whose go.mod would choose.
  const options = { cwd: tmpdir(), env: { ...process.env, GOFLAGS: "", ...env }, timeout: 300_000 };
  return (await promisify(execFile)(program, args, options)).stdout;
}

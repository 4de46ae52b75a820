// Observes what the code under test does to the disk, lets single operations fail, and ends the code in the middle as
// a kill would. A test file that uses it begins with
//   vi.mock("node:fs/promises", async (load) => (await import("…/file-operations.ts")).observable(await load()));
import { AsyncLocalStorage } from "node:async_hooks";
import type * as Files from "node:fs/promises";

/** `rename a b`, `mkdir a`, …; a write is called `half writeFile` where it was killed in the middle. */
export interface FileOperation {
  readonly call: string;
  readonly paths: readonly string[];
}

export interface Faults {
  /** Asked after each operation that changed something, the first with count 1: whether the process ends there. */
  readonly killAfter?: (operation: FileOperation, count: number) => boolean;
  /** The code with which an operation fails; undefined lets it happen. */
  readonly fail?: (operation: FileOperation) => string | undefined;
  /** Looks at what is there after each change; what it throws is thrown by `observe`. */
  readonly onChange?: (operation: FileOperation) => Promise<void>;
}

export interface Observed {
  readonly isKilled: boolean;
  /** What was done, in order: changes and syncs. */
  readonly operations: readonly FileOperation[];
}

/** Runs `work` and whatever it awaits; file operations of others at the same time are not concerned. */
export async function observe(work: () => Promise<unknown>, faults: Faults = {}): Promise<Observed> {
  const run = new Run(faults);
  try {
    await runs.run(run, work);
  } catch (error) {
    if (!run.isKilled) throw error;
  }
  if (run.objections.length > 0) throw run.objections[0];
  return run;
}

type Kind = "change" | "sync" | "read";

const runs = new AsyncLocalStorage<Run>();

class Run implements Observed {
  readonly operations: FileOperation[] = [];
  readonly objections: unknown[] = [];
  isKilled = false;
  readonly #faults: Faults;
  #count = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  async perform<T>(
    operation: FileOperation,
    kind: Kind,
    work: () => Promise<T>,
    half?: () => Promise<void>,
  ): Promise<T> {
    if (this.isKilled) throw new Error(`killed before ${operation.call}`);
    const code = this.#faults.fail?.(operation);
    if (code !== undefined) throw Object.assign(new Error(`${code}: made to fail, ${operation.call}`), { code });
    if (half !== undefined) await this.#pass({ ...operation, call: `half ${operation.call}` }, half);
    const result = await work();
    if (kind !== "read") this.operations.push(operation);
    if (kind === "change") await this.#pass(operation);
    return result;
  }

  /** From the kill on every operation fails, so that nothing more happens to the disk. */
  async #pass(operation: FileOperation, beforeKill = async () => {}): Promise<void> {
    this.#count += 1;
    // What was in progress at the kill, and ends now, does not bring the process back.
    this.isKilled ||= this.#faults.killAfter?.(operation, this.#count) === true;
    if (this.isKilled) await runs.exit(beforeKill);
    await runs.exit(async () => this.#faults.onChange?.(operation)).catch((error) => this.objections.push(error));
    if (this.isKilled) throw new Error(`killed after ${operation.call}`);
  }
}

const ONE_PATH = ["mkdir", "unlink", "rm", "rmdir", "chmod", "writeFile"] as const;
const TWO_PATHS = ["rename", "link"] as const;
const READS = ["lstat", "stat", "readdir", "readFile", "readlink", "realpath"] as const;

/** The module with its functions observed: those that src/store and src/lib use. */
export function observable(files: typeof Files): typeof Files {
  // biome-ignore lint/suspicious/noExplicitAny: the functions of the module have nothing in common but their form
  const all: Record<string, any> = { ...files };
  const wrap = (kind: Kind, call: string, toPaths: (args: string[]) => string[]) => {
    const original = all[call];
    all[call] = async (...args: string[]) => {
      const work = () => original(...args);
      return runs.getStore()?.perform({ call, paths: toPaths(args) }, kind, work) ?? work();
    };
  };
  for (const call of ONE_PATH) wrap("change", call, (args) => args.slice(0, 1));
  for (const call of TWO_PATHS) wrap("change", call, (args) => args.slice(0, 2));
  for (const call of READS) wrap("read", call, (args) => args.slice(0, 1));
  wrap("change", "symlink", (args) => args.slice(1, 2));

  all.copyFile = async (from: string, to: string, mode?: number) => {
    const work = () => files.copyFile(from, to, mode);
    const half = async () => {
      const content = await files.readFile(from);
      const flag = (mode ?? 0) & files.constants.COPYFILE_EXCL ? "wx" : "w";
      await files.writeFile(to, content.subarray(0, content.length / 2), { flag }).catch(() => {}); // it was there
    };
    return runs.getStore()?.perform({ call: "copyFile", paths: [from, to] }, "change", work, half) ?? work();
  };

  all.open = async (path: string, flags: string | number = "r", mode?: number) => {
    const run = runs.getStore();
    if (run === undefined) return files.open(path, flags, mode);
    let handle: Files.FileHandle | undefined;
    const work = async () => {
      handle = await files.open(path, flags, mode);
      return observedHandle(handle, path);
    };
    const creates = typeof flags === "string" && flags !== "r";
    try {
      return await run.perform({ call: "open", paths: [path] }, creates ? "change" : "read", work);
    } catch (error) {
      await handle?.close(); // killed right after it: a process that ends closes its files
      throw error;
    }
  };
  return all as typeof Files;
}

function observedHandle(handle: Files.FileHandle, path: string): Files.FileHandle {
  return new Proxy(handle, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const work = () => value.apply(target, args);
        const run = runs.getStore();
        if (run === undefined || name === "close") return work();
        const operation = { call: String(name), paths: [path] };
        if (name !== "writeFile") return run.perform(operation, name === "sync" ? "sync" : "read", work);
        const half = () => target.writeFile(String(args[0]).slice(0, String(args[0]).length / 2));
        return run.perform(operation, "change", work, half);
      };
    },
  });
}

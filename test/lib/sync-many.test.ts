import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { syncFiles, syncFolders } from "../../src/lib/durable.ts";
import { observe } from "../support/file-operations.ts";
import { tempFolder } from "../support/temp-folder.ts";

vi.mock("node:fs/promises", async (load) => (await import("../support/file-operations.ts")).observable(await load()));

/** So many files, and the operations that made them durable. */
async function makeFiles(count: number): Promise<string[]> {
  const folder = await tempFolder();
  const files = Array.from({ length: count }, (_, index) => join(folder, String(index)));
  for (const file of files) await writeFile(file, "x");
  return files;
}

async function syncedOneByOne(work: () => Promise<void>): Promise<string[]> {
  const { operations } = await observe(work);
  return operations.flatMap(({ call, paths }) => (call === "sync" ? paths : []));
}

describe("many files", () => {
  let programs: string;
  /** Puts a program of that name in the place of the system's. */
  const makeSync = async (script: string) => {
    await writeFile(join(programs, "sync"), `#!/bin/sh\n${script}\n`);
    await chmod(join(programs, "sync"), 0o755);
  };
  const calls = () => readFile(join(programs, "calls"), "utf8").catch(() => "");

  beforeEach(async () => {
    programs = await tempFolder();
    vi.stubEnv("PATH", programs);
    return () => vi.unstubAllEnvs();
  });

  it("are synced with their file system, by one program", async () => {
    await makeSync(`echo "$@" >> ${programs}/calls`);
    const files = await makeFiles(64);
    expect(await syncedOneByOne(() => syncFiles(files))).toEqual([]);
    expect(await calls()).toBe(`-f ${files[0]}\n`);
  });

  it("so are folders", async () => {
    await makeSync(`echo "$@" >> ${programs}/calls`);
    const folder = await tempFolder();
    const folders = Array.from({ length: 64 }, (_, index) => join(folder, String(index)));
    for (const path of folders) await mkdir(path);
    expect(await syncedOneByOne(() => syncFolders(folders))).toEqual([]);
    expect(await calls()).toBe(`-f ${folders[0]}\n`);
  });

  it("are synced one by one where the program fails", async () => {
    await makeSync("exit 1");
    const files = await makeFiles(64);
    expect((await syncedOneByOne(() => syncFiles(files))).sort()).toEqual(files.sort());
  });

  it("are synced one by one where there is no such program", async () => {
    const files = await makeFiles(64);
    expect((await syncedOneByOne(() => syncFiles(files))).sort()).toEqual(files.sort());
  });

  it("are not durable when one of them can't be synced", async () => {
    await makeSync("exit 1");
    const files = await makeFiles(64);
    const fail = ({ call, paths }: { call: string; paths: readonly string[] }) =>
      call === "sync" && paths[0] === files[40] ? "EIO" : undefined;
    await expect(observe(() => syncFiles(files), { fail })).rejects.toMatchObject({ code: "EIO" });
  });

  it("of a small package start no program", async () => {
    await makeSync(`echo "$@" >> ${programs}/calls`);
    const files = await makeFiles(63);
    expect((await syncedOneByOne(() => syncFiles(files))).sort()).toEqual(files.sort());
    expect(await calls()).toBe("");
  });
});

it("the system's own program does it", async () => {
  const files = await makeFiles(64);
  expect(await syncedOneByOne(() => syncFiles(files))).toEqual([]);
});

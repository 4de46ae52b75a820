import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type FileOperation, observe } from "../../support/file-operations.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import {
  baseFolder,
  copyOf,
  filesOf,
  install,
  installed,
  isDone,
  RANDOM,
  SECOND_NAMES,
  SO,
  start,
  visible,
} from "../kit.ts";

vi.mock("node:fs/promises", async (load) =>
  (await import("../../support/file-operations.ts")).observable(await load()),
);

/** A plugin with so many files that they are synced with their file system: a folder for each, so that these are too. */

const version = (number: number) => ({
  [SO]: `so ${number}`,
  ...Object.fromEntries(
    Array.from({ length: 70 }, (_, index) => [`etc/sources/random/d${index}/f`, `${number}, ${index}`] as const),
  ),
});

describe("a change of very many files", () => {
  let programs: string;
  beforeEach(async () => {
    programs = await tempFolder();
    vi.stubEnv("PATH", programs);
    return () => vi.unstubAllEnvs();
  });

  const makeSync = async (script: string) => {
    await writeFile(join(programs, "sync"), `#!/bin/sh\n${script}\n`);
    await chmod(join(programs, "sync"), 0o755);
  };

  it("has the folders and the files in their places durable before the registry says so", async () => {
    const layout = await baseFolder();
    // Notes at each sync whether the registry knows the plugin yet: the path of the program has no other programs.
    await makeSync(
      `if read -r all < ${layout.registryFile}; then while read -r line; do case "$line" in *random*) known=yes;; esac; done < ${layout.registryFile}; fi; echo "\${known:-no}" >> ${programs}/known`,
    );
    const { store } = await start(layout, 1);
    await install(store, RANDOM, version(1));
    expect(await readFile(join(programs, "known"), "utf8")).toMatch(/^(no\n)+$/);
    expect(filesOf(await installed(layout))).toEqual(version(1));
  });

  it("fails as a whole when one file of them can't be made durable", async () => {
    const layout = await baseFolder();
    const { store } = await start(layout, 1);
    await install(store, RANDOM, version(1));
    const before = await visible(layout);
    await makeSync("exit 1");
    let failed = 0;
    const fail = ({ call, paths: [path = ""] }: { call: string; paths: readonly string[] }) => {
      if (call !== "sync" || !/\/etc\/(\.versions\/|sources\/random\/d50$)/.test(path) || failed > 0) return undefined;
      failed += 1;
      return "EIO";
    };
    const update = observe(() => install(store, RANDOM, version(2)), { fail });
    await expect(update).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(failed).toBe(1);
    expect(filesOf(await visible(layout))).toEqual(filesOf(before));
    expect((await start(layout, 1)).store.get(RANDOM)?.files).toHaveLength(71);
  });

  it("that is killed anywhere leaves one version or the other", async () => {
    for (const at of [1, 100, 200, 300, 400, 500, 600]) {
      const layout = await baseFolder();
      const { store } = await start(layout, 1);
      await install(store, RANDOM, version(1));
      await observe(() => install(store, RANDOM, version(2)), { killAfter: (_, count) => count === at });
      const { store: next } = await start(layout, 1);
      const is = next.get(RANDOM)?.files.find(({ path }) => path === SO)?.bytes;
      expect(is).toBe(4);
      const files = filesOf(await installed(layout));
      expect([version(1), version(2)], `killed after operation ${at}`).toContainEqual(files);
    }
  });

  it.each(SECOND_NAMES)(
    "that is killed while several are replaced at once is undone or done, with %s",
    async (_, faults) => {
      const isCommit = ({ call }: FileOperation) => ["link", "copyFile", "rename", "unlink"].includes(call);
      for (const share of [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]) {
        const layout = await baseFolder();
        const { store } = await start(layout);
        await install(store, RANDOM, version(1));
        const next = { ...version(2), "etc/sources/random/d70/f": "added" };
        const whole = await observe(
          async () => install((await start(await copyOf(layout))).store, RANDOM, next),
          faults,
        );
        const last = whole.operations.filter(isCommit).length * share;
        let commits = 0;
        const killAfter = (operation: FileOperation) => isCommit(operation) && ++commits >= last;
        const killed = await observe(() => install(store, RANDOM, next), { ...faults, killAfter });
        expect(killed.isKilled).toBe(true);
        await start(layout);
        const files = filesOf(await installed(layout));
        expect(files, `killed after ${share} of it`).toEqual(isDone(killed, layout) ? next : version(1));
      }
    },
  );

  it("puts all back when one of them can't be replaced", async () => {
    const layout = await baseFolder();
    const { store } = await start(layout);
    await install(store, RANDOM, version(1));
    const before = await visible(layout);
    const fail = ({ call, paths: [, to = ""] }: FileOperation) =>
      call === "rename" && to.endsWith("/random/d40/f") ? "EIO" : undefined;
    await expect(observe(() => install(store, RANDOM, version(2)), { fail })).rejects.toMatchObject({
      code: "STORAGE_FAILED",
    });
    expect(await visible(layout)).toEqual(before);
  });
});

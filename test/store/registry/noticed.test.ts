import { rm, stat, utimes, writeFile } from "node:fs/promises";
import { expect, it, onTestFinished, vi } from "vitest";
import { soPath } from "../../../src/domain/plugin.ts";
import { Noticed } from "../../../src/store/registry/noticed.ts";
import { Registry } from "../../../src/store/registry/registry.ts";
import { observe } from "../../support/file-operations.ts";
import { testLog } from "../../support/test-log.ts";
import { baseFolder, start } from "../kit.ts";

vi.mock("node:fs/promises", async (load) =>
  (await import("../../support/file-operations.ts")).observable(await load()),
);

const OTHER = soPath("sinks", "Other@v1.so");

async function noticing() {
  const layout = await baseFolder();
  await start(layout);
  const { log } = testLog();
  const registry = await Registry.open(layout.registryFile, log);
  const noticed = new Noticed({ layout, registry, isUnsettled: (key) => key === "sinks/unsettled", log });
  /** Looks at the folder; how often it was read for that. */
  const look = async () => {
    let reads = 0;
    const fail = ({ call }: { call: string }) => {
      reads += call === "readdir" ? 1 : 0;
      return undefined;
    };
    await observe(() => noticed.look("sinks"), { fail });
    return reads;
  };
  return { layout, noticed, look, names: () => registry.names("sinks") };
}

it("reads a folder once, until something in it changes", async () => {
  const { layout, look, names } = await noticing();
  const setTime = (seconds: number) => utimes(layout.soFolder("sinks"), seconds, seconds);
  await setTime(1000);
  expect([await look(), await look(), await look()]).toEqual([1, 0, 0]);
  await writeFile(layout.absolute(OTHER), "so");
  await setTime(2000);
  expect([await look(), await look()]).toEqual([1, 0]);
  expect(names()).toEqual(["other"]);
});

it("reads it once more as long as it may change without another time", async () => {
  const { layout, look, names } = await noticing();
  vi.useFakeTimers({ toFake: ["Date"], now: (await stat(layout.soFolder("sinks"))).mtime }); // no time has passed
  onTestFinished(() => void vi.useRealTimers());
  expect([await look(), await look()]).toEqual([1, 1]);
  await writeFile(layout.absolute(OTHER), "so");
  await look();
  expect(names()).toEqual(["other"]);
});

it("leaves alone what a change is moving, and what one could not end", async () => {
  const { layout, noticed, look, names } = await noticing();
  await writeFile(layout.absolute(soPath("sinks", "Unsettled.so")), "so");
  {
    using _held = noticed.hold("sinks/other");
    await writeFile(layout.absolute(OTHER), "so");
    await look();
    expect(names()).toEqual([]);
  }
  await look();
  expect(names()).toEqual(["other"]);
});

it("a change that begins while the folder is read counts as well", async () => {
  const { layout, noticed, names } = await noticing();
  await writeFile(layout.absolute(OTHER), "so");
  const held: Disposable[] = [];
  const fail = ({ call }: { call: string }) => {
    if (call === "readdir") held.push(noticed.hold("sinks/other"));
    return undefined;
  };
  await observe(() => noticed.look("sinks"), { fail });
  expect(held).toHaveLength(1);
  expect(names()).toEqual([]);
});

it("a folder that is gone leaves everything as it was", async () => {
  const { layout, look, names } = await noticing();
  await writeFile(layout.absolute(OTHER), "so");
  await look();
  await rm(layout.soFolder("sinks"), { recursive: true });
  await look();
  expect(names()).toEqual(["other"]);
});

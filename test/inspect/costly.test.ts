import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { TimeBudget, Unreadable, withFile } from "../../src/inspect/file-bytes.ts";
import { createInspector } from "../../src/inspect/inspector.ts";
import { readPlugin } from "../../src/inspect/plugin-facts.ts";
import { ARM } from "../support/elf.ts";
import { fileOf, plugin, readingOf } from "./kit.ts";

/** Small files made to cost much memory or time. */

const MiB = 1024 * 1024;

/** The plugin a, in whose names `a.` is everywhere. */
const FLOOD = plugin({
  pluginPath: "a",
  exports: ["a.Random", ...Array.from({ length: 200 }, (_, index) => `${"a.\u20ac".repeat(800)}${index}`)],
});

describe("names that end in each other", () => {
  const names = (text: string, count: number) =>
    Array.from({ length: count }, (_, index) => text.repeat(Math.floor(4000 / text.length)) + index);

  test("are bounded in sum", async () => {
    const reading = await readingOf(plugin({ exports: names("go.link.pkghash.", 20) }));
    expect(reading?.unread).toMatch(/^it has more than .* bytes of their names$/);
  });

  test("do not hide the plugin's own", async () => {
    expect(await readingOf(FLOOD)).toMatchObject({ unread: "", exports: ["Random"] });
    const exports = ["example.com/random.Random", ...names("kghash\u20ac", 100)];
    expect(await readingOf(plugin({ exports }))).toMatchObject({ unread: "", exports: ["Random"] });
  });
});

describe("segments that share their bytes", () => {
  /** 32 bits, where a pointer is searched for in the data: these segments come before the one that has it. */
  function withSegments(count: number, { bytes = MiB, shift = 0 } = {}): Buffer {
    const original = plugin({ format: ARM });
    const [entryBytes, start] = [32, Math.ceil(original.length / 8) * 8];
    const headers = Buffer.alloc(count * entryBytes);
    for (let index = 0; index < count; index += 1) {
      const fields = [1, start, 0x40000000 + index * MiB + shift, 0, bytes, bytes, 6, 4]; // PT_LOAD, readable and writable
      for (const [position, field] of fields.entries()) headers.writeUInt32LE(field, index * entryBytes + position * 4);
    }
    const own = original.subarray(original.readUInt32LE(28)).subarray(0, 2 * entryBytes);
    const file = Buffer.concat([original, Buffer.alloc(start - original.length + MiB), headers, own]);
    file.writeUInt32LE(start + MiB, 28);
    file.writeUInt16LE(count + 2, 44);
    return file;
  }

  test("are searched up to a bound in total", async () => {
    expect(await readingOf(withSegments(60))).toMatchObject({ unread: "", exports: ["Random"] });
    expect(await readingOf(withSegments(60, { shift: 1 }))).toMatchObject({ unread: "", exports: ["Random"] });
    expect(await readingOf(withSegments(200, { bytes: 0, shift: 1 }))).toMatchObject({ unread: "" });
    expect((await readingOf(withSegments(200)))?.unread).toContain("laid out in an unknown way");
  });
});

describe("an inspection that takes long", () => {
  const inspector = createInspector({ config: { binary: "", verify: "warn" }, baseFolder: "/nowhere", env: {} });

  test("ends at the limit, and reports what it read until then", async () => {
    const reading = await withFile(await fileOf(FLOOD), readPlugin, new TimeBudget(undefined, 0));
    expect(reading).toMatchObject({ unread: "reading it takes longer than 0 seconds", facts: { cpu: "amd64" } });
  });

  test("ends with its signal", async () => {
    const so = await fileOf(FLOOD);
    const reason = new Error("the client went away");
    await expect(inspector.inspect(so, [], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const ended = new AbortController();
    const inspecting = inspector.inspect(so, [], { signal: ended.signal });
    setImmediate().then(() => ended.abort(reason));
    await expect(inspecting).rejects.toBe(reason);
  });

  test("lets others take turns", async () => {
    const budget = new TimeBudget();
    let hadTurn = false;
    const other = setImmediate().then(() => {
      hadTurn = true;
    });
    for (let step = 0; !hadTurn && step < 1e9; step += 1) if (budget.shouldYield()) await budget.yield();
    expect(hadTurn).toBe(true);
    await other;
  });

  test("is no error for a reader in time", async () => {
    await new TimeBudget().yield();
    await expect(new TimeBudget(undefined, -1).yield()).rejects.toBeInstanceOf(Unreadable);
  });
});

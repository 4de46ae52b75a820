import { describe, expect, it } from "vitest";
import { ScriptOutput } from "../../../src/package/script/output.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

describe("ScriptOutput", () => {
  it("lets others have their turn while it takes a flood of lines", async () => {
    const output = new ScriptOutput(quiet, { maxOutputBytes: 1_000_000, replyLines: 1 });
    let turns = 0;
    let done = false;
    const count = () => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await output.take(Buffer.from("y\n".repeat(32 * 1024)));
    done = true;
    expect(turns).toBeGreaterThanOrEqual(7);
  });

  it("keeps neither a line without an end nor what follows the limit", async () => {
    const output = new ScriptOutput(quiet, { maxOutputBytes: 2 ** 30, replyLines: 5 });
    const chunk = Buffer.alloc(64 * 1024, "x");
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 1600; n++) await output.take(chunk);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1024 * 1024);
    output.end();
    expect(output.bytes).toBe(1600 * chunk.length);
    expect(output.lastLines()).toEqual([`${"x".repeat(300)}…`]);
  });

  it("puts characters and lines together that come in pieces", async () => {
    const lines: string[] = [];
    const log = { ...quiet, info: (line: string) => void lines.push(line) };
    const output = new ScriptOutput(log as typeof quiet, { maxOutputBytes: 1000, replyLines: 5 });
    for (const byte of Buffer.from("größer\r\nals 🙂\nletzte")) await output.take(Buffer.of(byte));
    output.end();
    expect(lines).toEqual(["install.sh: größer", "install.sh: als 🙂", "install.sh: letzte"]);
    expect(output.lastLines()).toEqual(["größer", "als 🙂", "letzte"]);
  });
});

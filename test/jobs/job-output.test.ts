import { describe, expect, it } from "vitest";
import { KEPT_OUTPUT_BYTES, type Progress } from "../../src/domain/change.ts";
import { Job } from "../../src/jobs/job.ts";
import { OutputReader } from "../../src/jobs/output-reader.ts";

/** A job that prints what the test says. */
function testJob() {
  let progress: Progress | undefined;
  let end: () => void = () => {};
  const job = new Job({ action: "install" }, (run) => {
    progress = run.progress;
    return new Promise((resolve) => {
      end = () => resolve({ status: 201, body: "is created" });
    });
  });
  const print = (bytes: string | Uint8Array) => progress?.output(Buffer.from(bytes));
  const changed = () => new Promise<void>((resolve) => void job.watch(resolve));
  return { job, print, end, changed };
}

/** What install.sh prints, for those who follow it. */
describe("a reader of what is printed", () => {
  it.each([
    ["a bell", "\u0007"],
    ["a sequence that does not end", "\u001b]"],
    ["half a character", "\u00ff"],
    ["a line end", "\r"],
  ])("gets no more at once than is kept, also where each byte is %s", async (_, piece) => {
    const { job, print, changed } = testJob();
    const chunk = Buffer.from(piece.repeat(KEPT_OUTPUT_BYTES), "latin1");
    const readers = Array.from({ length: 3 }, () => new OutputReader(job));
    print(chunk);
    for (const reader of readers) expect(Buffer.byteLength(reader.next())).toBeLessThan(KEPT_OUTPUT_BYTES + 100);
    print(chunk);
    await changed();
    const [first, ...others] = readers.map((reader) => reader.next());
    expect(first?.length).toBeGreaterThan(1000);
    expect(others).toEqual([first, first]);
  });

  it("is told of it together with all others", async () => {
    const { job, print, end, changed } = testJob();
    const [early, late] = [new OutputReader(job), new OutputReader(job)];
    print("a\u001b[3");
    expect([early.next(), early.next()]).toEqual(["a", ""]);
    print("1mb\xc3");
    await changed();
    expect([early.next(), late.next()]).toEqual(["b\xc3", "ab\xc3"]);
    print(Buffer.from([0xc3]));
    end();
    await job.ended;
    expect([early.next(), late.next(), early.next()]).toEqual(["\ufffd", "\ufffd", ""]);
    expect(new OutputReader(job).next()).toBe("ab\xc3\ufffd");
  });

  it("of a job that nobody followed until it had ended gets all that is kept", async () => {
    const { job, print, end } = testJob();
    print(Buffer.concat([Buffer.alloc(KEPT_OUTPUT_BYTES, "x"), Buffer.from("the end\u001b[")]));
    end();
    await job.ended;
    expect(new OutputReader(job).next()).toMatch(/^\n\[\d+ bytes are left out here\]\nx+the end\\u001b\[$/);
  });
});

import { describe, expect, it } from "vitest";
import { KeptBytes } from "../../src/lib/kept-bytes.ts";
import { TerminalText, terminalText } from "../../src/lib/terminal-text.ts";

const TEXT =
  "a\u001b[1;31mb\u001b[0mc\r\nd\re\u001b]0;title\u0007f\u001b]8;;x\u001b\\g ü😀 \u0007 \u009b \u202e \t.\u001b(B\r";
const PLAIN = "abc\nd\nefg ü😀 \\u0007 \\u009b \\u202e \t.\n";

describe("what a program prints for a terminal", () => {
  it.each([1, 2, 3, 5, 7, 1000])("is the same plain text in pieces of %i bytes", (size) => {
    const bytes = Buffer.from(TEXT);
    const text = new TerminalText();
    let plain = "";
    for (let at = 0; at < bytes.length; at += size) plain += text.take(bytes.subarray(at, at + size));
    // A sequence that ends in two characters may be parted: then it is visible, and does nothing.
    expect((plain + text.end()).replaceAll("\\u001b]8;;x", "").replaceAll("\\u001b\\", "")).toBe(PLAIN);
  });

  it("is shown as it is where a sequence does not end", () => {
    expect(terminalText(Buffer.from("x\u001b[31"), 100)).toBe("x\\u001b[31");
    expect(terminalText(Buffer.from(`\u001b]${"t".repeat(300)}`), 1000)).toBe(`\\u001b]${"t".repeat(300)}`);
  });

  it("is cut at its beginning, between letters", () => {
    expect(terminalText(Buffer.from("aüb"), 2)).toBe("b");
    expect(terminalText(Buffer.from("aüb"), 3)).toBe("üb");
    expect(terminalText(Buffer.from("\u0007".repeat(100)), 8)).toBe("07\\u0007");
  });
});

describe("the bytes that are kept", () => {
  it("are the last ones, whatever they come in", () => {
    const all = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
    for (const step of [1, 7, 64, 999, 5000]) {
      const kept = new KeptBytes(100);
      for (let at = 0; at < all.length; at += step) {
        kept.add(all.subarray(at, at + step));
        const so = all.subarray(0, kept.total);
        expect(Buffer.from(kept.since(0).bytes)).toEqual(so.subarray(Math.max(0, so.length - 100)));
      }
      expect(kept.since(4950)).toEqual({ bytes: all.subarray(4950), dropped: 0 });
      expect(kept.since(4000).dropped).toBe(900);
      expect(kept.since(5000).bytes).toHaveLength(0);
    }
  });
});

import { expect, it } from "vitest";
import { ERROR_STATUS, PluginError, prefixed } from "../../src/domain/errors.ts";
import { hasCode } from "../../src/lib/errors.ts";

it("has an error status for every code, and codes that look like codes", () => {
  for (const [code, status] of Object.entries(ERROR_STATUS)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(status, code).toBeGreaterThanOrEqual(400);
    expect(status, code).toBeLessThan(600);
  }
});

it("keeps code, sentence and cause", () => {
  const cause = new Error("/secret/path");
  const error = new PluginError("DOWNLOAD_FAILED", "fail to download", { cause });
  expect(error).toMatchObject({ name: "PluginError", code: "DOWNLOAD_FAILED", message: "fail to download", cause });
  expect(error).toBeInstanceOf(Error);
});

it.each([
  ["the cause where there is one", new Error("cause")],
  ["the error itself where there is none", undefined],
])("puts words before a sentence and keeps %s", (_, cause) => {
  const error = new PluginError("ARCHIVE_INVALID", "zip: checksum error", { cause });
  expect(prefixed(error, "fail to unzip file x: ")).toMatchObject({
    code: "ARCHIVE_INVALID",
    message: "fail to unzip file x: zip: checksum error",
    cause: cause ?? error,
  });
});

it.each([
  [Object.assign(new Error(), { code: "ENOENT" }), true],
  [Object.assign(new Error(), { code: "EACCES" }), true],
  [Object.assign(new Error(), { code: "EIO" }), false],
  [new Error("ENOENT"), false],
  [{ code: "ENOENT" }, false],
  [undefined, false],
])("knows a system error by its code: %o", (error, expected) => {
  expect(hasCode(error, "ENOENT", "EACCES")).toBe(expected);
});

it("has a message of at most 16 KiB, prefixes included", () => {
  const long = new PluginError("ARCHIVE_INVALID", "x".repeat(1_000_000));
  expect(long.message).toBe(`${"x".repeat(16 * 1024)}…`);
  expect(prefixed(long, "fail: ").message).toBe(`fail: ${"x".repeat(16 * 1024 - 6)}…`);
});

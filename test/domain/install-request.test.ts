import { expect, it } from "vitest";
import { checkInstallRequest } from "../../src/domain/install-request.ts";

const FILE = "http://127.0.0.1/random.zip";

it("fills in what a client left out", () => {
  expect(checkInstallRequest("sources", { name: " random ", file: FILE })).toEqual({
    id: { type: "sources", name: "random" },
    source: { kind: "download", uri: { url: new URL(FILE), redacted: FILE }, origin: FILE },
    sha256: undefined,
    signature: undefined,
    shellParas: [],
    functions: [],
    heldBytes: 2 * FILE.length + 32,
  });
});

it("takes null for left out", () => {
  const order = { name: "random", file: FILE, shellParas: null, functions: null };
  expect(checkInstallRequest("functions", order)).toMatchObject({ shellParas: [], functions: [] });
});

it.each([
  ["functions", ["f"]],
  ["sources", []],
  ["sinks", []],
] as const)("keeps the exported functions of %s as %j", (type, functions) => {
  const order = { name: "random", file: FILE, shellParas: ["a", "b c", ""], functions: ["f"] };
  expect(checkInstallRequest(type, order)).toMatchObject({ shellParas: ["a", "b c", ""], functions });
});

const ZIP = { file: "/x.zip", sha256: "", bytes: 1, origin: "upload" };

it.each([undefined, null, ""])("takes a zip where the file is %j", (file) => {
  const order = { name: "random", zip: ZIP, ...(file === undefined ? {} : { file }) };
  expect(checkInstallRequest("sources", order).source).toEqual({ kind: "upload", zip: ZIP, origin: "upload" });
});

it("refuses a zip and a file, and shows no credentials", () => {
  const order = { name: "random", zip: ZIP, file: "http://user:secret@host/random.zip" };
  const message = "invalid uri http://***@host/random.zip: there is a zip and a file; send one of them";
  expect(() => checkInstallRequest("sources", order)).toThrow(
    expect.objectContaining({ code: "URI_INVALID", message }),
  );
});

it.each([
  ["NAME_INVALID", { name: "../evil", file: "nonsense" }],
  ["URI_INVALID", { name: "random", file: "nonsense" }],
  ["URI_INVALID", { name: "random" }],
  ["URI_INVALID", { name: "random", file: null }],
])("refuses with %s: %j", (code, order) => {
  expect(() => checkInstallRequest("sources", order)).toThrow(expect.objectContaining({ code }));
});

it("counts what it holds while it waits, ignored functions included", () => {
  const body = { name: "random", file: FILE, signature: "AAAA", shellParas: ["ab", ""], functions: ["echo"] };
  const strings = [FILE, "AAAA", "ab", "", "echo"];
  const bytes = strings.reduce((sum, one) => sum + 2 * one.length + 32, 0);
  expect(checkInstallRequest("sources", body).heldBytes).toBe(bytes);
});

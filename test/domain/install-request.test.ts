import { expect, it } from "vitest";
import { checkInstallOrder } from "../../src/domain/install-request.ts";

const FILE = "http://127.0.0.1/random.zip";

it("fills in what a client left out", () => {
  expect(checkInstallOrder("sources", { name: " random ", file: FILE })).toEqual({
    id: { type: "sources", name: "random" },
    source: { kind: "download", uri: { url: new URL(FILE), shown: FILE }, shown: FILE },
    sha256: undefined,
    signature: undefined,
    shellParas: [],
    functions: [],
  });
});

it("takes null for left out", () => {
  const order = { name: "random", file: FILE, shellParas: null, functions: null };
  expect(checkInstallOrder("functions", order)).toMatchObject({ shellParas: [], functions: [] });
});

it.each([
  ["functions", ["f"]],
  ["sources", []],
  ["sinks", []],
] as const)("keeps the exported functions of %s as %j", (type, functions) => {
  const order = { name: "random", file: FILE, shellParas: ["a", "b c", ""], functions: ["f"] };
  expect(checkInstallOrder(type, order)).toMatchObject({ shellParas: ["a", "b c", ""], functions });
});

it.each([
  ["NAME_INVALID", { name: "../evil", file: "nonsense" }],
  ["URI_INVALID", { name: "random", file: "nonsense" }],
  ["URI_INVALID", { name: "random" }],
  ["URI_INVALID", { name: "random", file: null }],
])("refuses with %s: %j", (code, order) => {
  expect(() => checkInstallOrder("sources", order)).toThrow(expect.objectContaining({ code }));
});

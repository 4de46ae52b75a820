import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import { listSettings, variableName } from "../../src/config/settings.ts";

const SETTINGS = listSettings().map((setting) => ({ ...setting, key: setting.path.join(".") }));
const SHIPPED = join(import.meta.dirname, "../../etc/kuiper.yaml");

describe.each(SETTINGS)("$key", ({ path, schema, key }) => {
  it("has an allowed default and a description of one sentence at least", () => {
    expect(Value.Check(schema, schema.default)).toBe(true);
    expect(schema.description).toMatch(/^[^|\n]+\.$/);
  });

  it("is in the shipped file with its default", () => {
    const shipped = path.reduce((tree, part) => tree?.[part], parse(readFileSync(SHIPPED, "utf8")));
    expect(shipped, key).toEqual(schema.default);
  });
});

it("gives each setting a variable of its own, in the original's spelling", () => {
  expect(variableName(["basic", "restPort"])).toBe("KUIPER__BASIC__RESTPORT");
  expect(variableName(["basic", "restTls", "certfile"])).toBe("KUIPER__BASIC__RESTTLS__CERTFILE");
  expect(new Set(SETTINGS.map(({ path }) => variableName(path))).size).toBe(SETTINGS.length);
});

describe("the shipped file", () => {
  it("changes nothing and has no unknown keys", () => {
    expect(loadConfig(SHIPPED, {})).toEqual(loadConfig("/nowhere", {}));
  });

  it("begins with basic, as the original's, and says why it does not open the server to the network", () => {
    const text = readFileSync(SHIPPED, "utf8");
    expect(Object.keys(parse(text))[0]).toBe("basic");
    expect(text).toMatch(/# .*reach it can install plugins[^:]*\n( +#.*\n)+ +restIp: 127\.0\.0\.1\n/);
  });
});

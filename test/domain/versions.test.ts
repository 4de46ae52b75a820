import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareVersions } from "../../src/domain/versions.ts";

const sign = (order: number | undefined) => (order === undefined ? undefined : Math.sign(order));

describe("compareVersions", () => {
  /** Each is below the next one; the example of semver.org is among them. */
  const ORDERED = [
    "",
    "0.0.1",
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.0.1",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2",
    "10.0.0",
    "20261126.1",
    "99999999999999999999.0.0",
    "100000000000000000000.0.0",
  ];

  it("orders versions", () => {
    for (const [i, a] of ORDERED.entries()) {
      for (const [j, b] of ORDERED.entries()) expect(sign(compareVersions(a, b)), `${a} ${b}`).toBe(Math.sign(i - j));
    }
  });

  it.each([
    ["1", "1.0.0"],
    ["1.0", "v1.0.0"],
    ["1.0.0+linux", "1.0.0+alpine.2"],
    ["1.02.0", "1.2.0"],
    ["1.0.0-rc.01", "1.0.0-rc.1"],
    ["nightly", "nightly"],
    ["", ""],
  ])("takes %j and %j for equal", (a, b) => {
    expect(compareVersions(a, b)).toBe(0);
    expect(compareVersions(b, a)).toBe(0);
  });

  it.each([
    "nightly",
    "1.x",
    "1..2",
    ".1",
    "1.",
    "-1",
    "1.0.0-",
    "1.0.0-a..b",
    "1 .0",
    "1.0.0\n",
    "٣.0.0",
    "1".repeat(300),
  ])("cannot compare %j", (version) => {
    expect(compareVersions(version, "1.0.0")).toBeUndefined();
    expect(compareVersions("1.0.0", version)).toBeUndefined();
  });

  it("is the same comparison the other way round, and never throws", () => {
    const part = fc.oneof(fc.nat().map(String), fc.stringMatching(/^[0-9a-z-]{1,4}$/));
    const version = fc.oneof(
      fc.string(),
      fc.tuple(fc.array(fc.nat(12), { minLength: 1 }), fc.array(part)).map(([numbers, pre]) => {
        return numbers.join(".") + (pre.length > 0 ? `-${pre.join(".")}` : "");
      }),
    );
    fc.assert(
      fc.property(version, version, (a, b) => {
        const [one, other] = [sign(compareVersions(a, b)), sign(compareVersions(b, a))];
        expect(other).toBe(one === undefined ? undefined : 0 - one);
      }),
    );
  });
});

import { quoted } from "../lib/text.ts";

/** A version in a message. */
export function namedVersion(version: string, article: "" | "a " | "the " = ""): string {
  return version === "" ? `${article}version without a number` : `version ${quoted(version)}`;
}

/** `1.2.0`, `1.2`, `1.2.0-rc.1`, each with or without `+build`; a leading `v` is ignored. */
const VERSION = /^v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?$/;
/** What a file name can have, with room to spare. */
const MAX_LENGTH = 255;

/**
 * Compares versions of plugins as Semantic Versioning does, except that any count of numbers may be there: what is
 * missing counts as 0. No version at all, the empty string, is below all others.
 *
 * @returns below 0 where `a` is the lower one, 0 where they are equal, above 0; undefined where one is no such version
 *   and they are not the same string
 */
export function compareVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (a === "") return -1;
  if (b === "") return 1;
  const [one, other] = [parse(a), parse(b)];
  if (one === undefined || other === undefined) return undefined;
  return compareLists(one.numbers, other.numbers, "0") || comparePrereleases(one.prerelease, other.prerelease);
}

interface Version {
  readonly numbers: readonly string[];
  readonly prerelease: readonly string[];
}

function parse(version: string): Version | undefined {
  const [, numbers, prerelease] = (version.length <= MAX_LENGTH && VERSION.exec(version)) || [];
  if (numbers === undefined) return undefined;
  return { numbers: numbers.split("."), prerelease: prerelease?.split(".") ?? [] };
}

/** A version with a prerelease is below the same one without. */
function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  return compareLists(a, b);
}

/** @param filler what a list that is shorter goes on with; without one the shorter list is the lower one */
function compareLists(a: readonly string[], b: readonly string[], filler?: string): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const [one, other] = [a[index] ?? filler, b[index] ?? filler];
    if (one === undefined || other === undefined) return a.length - b.length;
    const order = compareParts(one, other);
    if (order !== 0) return order;
  }
  return 0;
}

const DIGITS = /^\d+$/;

/** Numbers by their value, whatever their length; a number is below a word; words in byte order. */
function compareParts(a: string, b: string): number {
  const areNumbers = [DIGITS.test(a), DIGITS.test(b)] as const;
  if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] ? -1 : 1;
  if (!areNumbers[0]) return compareStrings(a, b);
  const [one, other] = [a.replace(/^0+(?=\d)/, ""), b.replace(/^0+(?=\d)/, "")];
  return one.length - other.length || compareStrings(one, other);
}

function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

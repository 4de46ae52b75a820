import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePreferences } from "../../src/http/prefer-header.ts";
import { cpuMs } from "../support/cpu-time.ts";

test.each<[header: string | undefined, respondAsync: boolean, waitSeconds: number]>([
  [undefined, false, 0],
  ["", false, 0],
  ["respond-async", true, 0],
  ["Respond-ASYNC", true, 0],
  ["  respond-async  ", true, 0],
  ["respond-async, wait=10", true, 10],
  ["wait=10,respond-async", true, 10],
  ["respond-async , Wait = 10", true, 10],
  ['respond-async, wait="10"', true, 10],
  ["respond-async; foo=bar, wait=7; x", true, 7],
  ["return=minimal, respond-async", true, 0],
  [",, respond-async,", true, 0],
  ['respond-async=""', true, 0], // an empty value is none
  ["respond-async=", true, 0],
  ["respond-async=false", false, 0],
  ["handling=lenient; respond-async", false, 0], // a parameter of another preference
  ['foo="a, respond-async, wait=5"', false, 0],
  ['foo="a \\", respond-async"', false, 0],
  ['foo="never closed, respond-async', false, 0],
  ['foo="x", respond-async', true, 0],
  ["xrespond-async", false, 0],
  ["respond-asyncx", false, 0],
  ["respond-async wait=10", false, 0],
  ["wait=10", false, 10],
  ["respond-async, wait=60", true, 60],
  ["respond-async, wait=61", true, 60],
  ["respond-async, wait=999999999", true, 60],
  ["respond-async, wait=999999999999", true, 60],
  [`respond-async, wait=${"9".repeat(400)}`, true, 60],
  ["respond-async, wait=-1", true, 0],
  ["respond-async, wait=1.5", true, 0],
  ["respond-async, wait=ten", true, 0],
  ["respond-async, wait", true, 0],
  ["wait=3, respond-async, wait=9", true, 3], // the first one counts
])("%j is read as respondAsync %j, wait %d s", (header, respondAsync, waitSeconds) => {
  expect(parsePreferences(header)).toEqual({ respondAsync, waitSeconds });
});

test("reads any header, in a time that grows no faster than the header", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'",;= \\ar\t') }), (header) => {
      const { waitSeconds } = parsePreferences(header);
      expect(waitSeconds).toBe(0);
    }),
  );
  const long = ['"', "a ", '"\\', "a=", ";", ",", " "].flatMap((piece) => {
    const many = piece.repeat(16_000 / piece.length);
    return [many, `${many}x`, `a=${many}"`, `"${many}`];
  });
  const start = cpuMs();
  for (const header of long) parsePreferences(header);
  expect(cpuMs() - start).toBeLessThan(1000);
});

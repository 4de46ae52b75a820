import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { CALLS } from "../../src/contract/calls/all.ts";
import { PACKAGE_FIELDS } from "../../src/contract/calls/changes.ts";
import { Problem } from "../../src/contract/compatibility.ts";
import { ERROR_EXAMPLES } from "../../src/contract/error-examples.ts";
import { HEADERS } from "../../src/contract/headers.ts";
import { JobAction, JobState } from "../../src/contract/jobs.ts";
import { ERROR_STATUS, type ErrorCode } from "../../src/domain/errors.ts";
import { tableRows } from "../support/markdown.ts";

/** The tables of the documents say what the contract says, and all of it. */

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");
const API = read("docs/api.md");
const ENGINE = read("docs/engine.md");
const README = read("README.md");

/** The cells of each row of the tables with that head. */
function rowsOf(markdown: string, head: string): string[][] {
  const tables = markdown.split("\n\n").filter((block) => block.trimStart().startsWith(head));
  return tables.flatMap((table) => tableRows(table).slice(1));
}

/** The calls that a cell names, as the contract names them: `GET`, `POST /config/uploads` are two. */
function callsIn(cell: string): string[] {
  const path = /(\/[\w./]*)/.exec(cell)?.[1] ?? "";
  const names = { T: ":type", N: ":name", NAME: ":name", ID: ":id", FILE: ":file" };
  const known = path.replace(/\/(T|NAME|N|ID|FILE)(?=\/|$)/g, (_, name: keyof typeof names) => `/${names[name]}`);
  return [...cell.matchAll(/\b(GET|POST|PUT|DELETE)\b/g)].map(([method]) => `${method} ${known}`);
}

const statusesOf = (call: string) => {
  const { replies = {}, errors = [] } = CALLS[call] ?? {};
  return [...Object.keys(replies).map(Number), ...errors.map((code) => ERROR_STATUS[code])];
};

describe.each([
  ["docs/api.md", API],
  ["docs/engine.md", ENGINE],
  ["README.md", README],
])("each request of %s", (_, markdown) => {
  const rows = rowsOf(markdown, "| Request | Response |").filter(([request]) => request !== "anything else"); // is passed on

  it.each(rows)("%s is a call of the contract, and has the statuses of its row", (request = "", response = "") => {
    const calls = callsIn(request);
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(Object.keys(CALLS)).toContain(call);
    const statuses = calls.flatMap(statusesOf);
    const first = [
      ...(/^\d{3}(?:, \d{3})*/.exec(response)?.[0].split(", ") ?? []),
      ...(response.match(/\b[45]\d\d\b/g) ?? []),
    ];
    for (const status of first) expect(statuses).toContain(Number(status));
    const successes = calls
      .map((call) => Object.keys(CALLS[call]?.replies ?? {})[0])
      .filter((one) => one !== undefined);
    for (const status of new Set(successes)) expect(first).toContain(status);
  });
});

test("each call of the contract is in a table", () => {
  const described = [API, ENGINE].flatMap((markdown) => rowsOf(markdown, "| Request | Response |"));
  const calls = described.flatMap(([request = ""]) => callsIn(request));
  const ofEngine = /^(GET|DELETE) \/plugins\/portables/; // passed on
  const others = Object.keys(CALLS).filter((call) => !ofEngine.test(call));
  expect(others.filter((call) => !calls.includes(call))).toEqual([]);
});

test("each error has a row, with its status and an example, and there are no others", () => {
  const escaped = (text: string) => text.replaceAll("|", "\\|");
  const codes = Object.keys(ERROR_STATUS) as ErrorCode[];
  const rows = codes.map((code) => [`\`${code}\``, String(ERROR_STATUS[code]), escaped(ERROR_EXAMPLES[code])]);
  expect(rowsOf(API, "| Error | Status | For example |")).toEqual(rows);
});

test("each field of a request for a zip has a row, and there are no others", () => {
  const fields = rowsOf(API, "| Field | Meaning |").map(([field = ""]) => field.replaceAll("`", ""));
  expect(fields.sort()).toEqual(Object.keys(PACKAGE_FIELDS).sort());
});

test("each problem of a plugin has a row, and there are no others", () => {
  const codes = rowsOf(API, "| Code | Verdict | Meaning |").map(([code = ""]) => code.replaceAll("`", ""));
  expect(codes).toEqual(Problem.properties.code.enum);
});

test.each(Object.keys(HEADERS))("the header %s is explained", (name) => {
  const ofHttp = /^(x-request-id|www-authenticate|retry-after|preference-applied)$/;
  const ofFiles = /^(etag|last-modified|accept-ranges|content-.*|referrer-policy|cross-origin-opener-policy)$/;
  if (!ofHttp.test(name) && !ofFiles.test(name)) expect((API + ENGINE).toLowerCase()).toMatch(`\`${name}`);
});

test("what a job can be is named", () => {
  for (const state of JobState.enum) expect(API).toContain(`\`${state}\``);
  for (const action of JobAction.enum) expect(API).toContain(`\`${action}\``);
});

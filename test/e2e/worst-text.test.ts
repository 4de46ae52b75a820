import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, describe, expect } from "vitest";
import { buildForm, FORM_HEADERS } from "../support/form.ts";
import { ask, send } from "../support/http-client.ts";
import { ServerProcess } from "../support/server-process.ts";
import { startZipHost } from "../support/zip-host.ts";

/**
 * Every place where text comes in gets as much as it takes of the text that is worst for it; a read at the same time is
 * answered. What backtracks would take minutes for one of these, and the test its time limit.
 */

const MIB = 1024 * 1024;

/** What patterns and parsers of addresses, headers, lists and base64 stop at, and what is more than it looks. */
const PIECES = [
  ...[":", "/", " ", "@", "%", '"', "\\", ",", ";", "=", "&", "?", "a", "/:", "@:", '\\"', "a="],
  ...["\u202e", "\ud83d", "e\u0301\u0301", "😀", "\0"],
];

// biome-ignore-start lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures another one needs
const test = base
  .extend("host", { scope: "file" }, async ({}, { onCleanup }) => {
    const host = await startZipHost();
    onCleanup(() => host.close());
    return host;
  })
  /** A process of its own: one that hangs can be ended, and does not keep the test from noticing. */
  .extend("url", { scope: "file" }, async ({ host }, { onCleanup }) => {
    const folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
    const hosts = { BASIC__PLUGINHOSTS: host.url(""), PREBUILD__OS: "debian", PREBUILD__ARCH: "amd64" };
    // With debug, each path is logged.
    const server = new ServerProcess({
      base: folder,
      settings: { BASIC__DEBUG: "true", PREBUILD__CACHESECONDS: "0", ...hosts },
    });
    onCleanup(async () => {
      await server.dispose();
      await rm(folder, { recursive: true, force: true });
    });
    return server.url();
  })
  .extend("expectReadsAnswered", ({ url }) => async (): Promise<void> => {
    expect(await ask(`${url}/plugins/sinks`)).toEqual([200, "[]"]);
  });
// biome-ignore-end lint/correctness/noEmptyPattern: as above

function filled(piece: string, bytes: number): string {
  return piece.repeat(Math.floor(bytes / Buffer.byteLength(JSON.stringify(piece).slice(1, -1))));
}

describe("bodies of a megabyte", () => {
  const named = { name: "x" };
  test.for<[what: string, path: string, body: (text: string) => string | Buffer | object, headers?: object]>([
    ["a name", "/plugins/sources", (name) => ({ name })],
    ["an address", "/plugins/sources", (file) => ({ ...named, file })],
    ["an address after http://", "/plugins/sources", (text) => ({ ...named, file: `http://${text}` })],
    ["an address before @", "/plugins/sources", (text) => ({ ...named, file: `${text}@` })],
    ["a checksum", "/plugins/sources", (sha256) => ({ ...named, sha256 })],
    ["a signature", "/plugins/sources", (signature) => ({ ...named, signature })],
    ["an argument", "/plugins/sources/inspect", (text) => ({ ...named, shellParas: [text] })],
    ["a function", "/plugins/functions", (text) => ({ ...named, functions: [text] })],
    ["a function to register", "/plugins/functions/x/register", (text) => ({ functions: [text] })],
    ["a version", "/plugins/sources/x/rollback", (version) => ({ version })],
    ["an id", "/plugins/sources/x/rollback", (id) => ({ id })],
    ["the name of an upload", "/config/uploads", (name) => ({ name, content: "" })],
    ["base64", "/config/uploads", (base64) => ({ base64 })],
    ["base64 with an end that is none", "/config/uploads", (text) => ({ base64: `A${text}!` })],
    ["the address of an upload", "/config/uploads", (file) => ({ ...named, file })],
    ["a key", "/plugins/sources", (text) => ({ [text]: 1 })],
    ["no JSON", "/plugins/sources", (text) => text],
    ["no JSON after a quote", "/plugins/sources", (text) => `{"a": "${text}`],
    ["a field of a form", "/plugins/sources", (content) => buildForm([{ name: "file", content }]), FORM_HEADERS],
    [
      "a signature in a form",
      "/plugins/sources",
      (text) => formWithFile("signature", text.slice(0, 16_000)),
      FORM_HEADERS,
    ],
    ["the head of a part", "/plugins/sources", (head) => buildForm([{ name: "", content: "", head }]), FORM_HEADERS],
    ["a form without parts", "/plugins/sources", (text) => `--${text}`, FORM_HEADERS],
  ])("%s", async ([_, path, body, headers = {}], { url, expectReadsAnswered }) => {
    for (const piece of PIECES) {
      const text = filled(piece, MIB - 1000);
      const answer = send(url + path, { method: "POST", body: body(text), headers: { ...headers } });
      await expectReadsAnswered();
      const { status, text: refusal } = await answer;
      expect([piece, status]).toEqual([piece, expect.toBeOneOf([400, 404, 413])]);
      expect(refusal.length).toBeLessThan(20_000);
    }
  });
});

describe("heads of 15,000 characters", () => {
  test.for<[what: string, head: (text: string) => string]>([
    ["a path", (text) => `GET /${text} HTTP/1.1\r\n`],
    ["a path before @", (text) => `GET /${text}@ HTTP/1.1\r\n`],
    ["an absolute URL", (text) => `GET http://${text} HTTP/1.1\r\n`],
    ["the name of a plugin", (text) => `DELETE /plugins/sources/${text} HTTP/1.1\r\n`],
    ["a query", (text) => `GET /plugins?engine=${text} HTTP/1.1\r\n`],
    ["a state", (text) => `GET /jobs?state=${text} HTTP/1.1\r\n`],
    ["a cursor", (text) => `GET /jobs?cursor=${text} HTTP/1.1\r\n`],
    ...["Accept", "Authorization", "Content-Type", "Host", "Origin", "Prefer", "Last-Event-ID", "X-Forwarded-For"].map(
      (name): [string, (text: string) => string] => [
        name,
        (text) => `DELETE /plugins/sources/x HTTP/1.1\r\nOrigin: http://a\r\n${name}: ${text}\r\n`,
      ],
    ),
    ["Prefer in quotes", (text) => `DELETE /plugins/sources/x HTTP/1.1\r\nPrefer: "${text}\r\n`],
    ["a media type", (text) => `DELETE /plugins/sources/x HTTP/1.1\r\nAccept: application/${text}\r\n`],
  ])("%s", async ([_, head], { url, expectReadsAnswered }) => {
    for (const piece of PIECES) {
      const sent = head(encodeForHead(piece.repeat(Math.floor(15_000 / piece.length))).slice(0, 15_000));
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.once("close", resolve));
      let received = "";
      socket.on("data", (chunk) => {
        received += chunk;
      });
      await once(socket, "connect");
      socket.write(`${sent}${sent.includes("\nHost:") ? "" : "Host: x\r\n"}Connection: close\r\n\r\n`);
      await expectReadsAnswered();
      await closed;
      expect([piece, received.slice(0, 12)]).toEqual([piece, expect.stringMatching(/^HTTP\/1\.1 [24]/)]);
      expect(received.length).toBeLessThan(20_000);
    }
  });
});

test("index pages of four megabytes", async ({ url, host, expectReadsAnswered }) => {
  for (const piece of PIECES) {
    const text = filled(piece, 4 * MIB - 1000);
    host.serve("/kuiper-plugins/1.0.2/debian/sinks/", Buffer.from(text).subarray(0, 4 * MIB));
    host.serve("/kuiper-plugins/1.0.2/sinks/debian/", Buffer.from(`<a href="${text}`).subarray(0, 4 * MIB));
    const answer = ask(`${url}/plugins/sinks/prebuild`);
    await expectReadsAnswered();
    expect(await answer).toEqual([200, "{}"]);
  }
});

function formWithFile(field: string, content: string): Buffer {
  return buildForm([{ name: field, content, fileName: "a", type: "application/octet-stream" }]);
}

/** What can't be in a head goes in as it would be in a URL. */
function encodeForHead(text: string): string {
  return encodeURI(text.replaceAll(/\ud83d(?!\ude00)/g, "\ufffd")).replace(/%(?:20|22|25|5C)/g, decodeURIComponent);
}

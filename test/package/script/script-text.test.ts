import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { convertedScript, isShellScript, namedFiles, scriptFault } from "../../../src/package/script/script-text.ts";

/** Which bytes sh reads as they were meant, and what they become. */

const PLAIN = "#!/bin/sh\necho one\necho two\n";
const CRLF = PLAIN.replaceAll("\n", "\r\n");
const BOM = "\ufeff";

const utf16 = (text: string) => Buffer.from(text, "utf16le");
const utf16be = (text: string) => utf16(text).swap16();
const windowsEnds = (line: number) => `has Windows line ends (CRLF, first in line ${line})`;

describe("sh would not run as it was meant what", () => {
  it.each<[what: string, bytes: Buffer]>([
    [windowsEnds(2), Buffer.from(CRLF)],
    [windowsEnds(3), Buffer.from("echo one\n# a comment\r\n\r\n")],
    [windowsEnds(2), Buffer.from("echo one\necho two\r")],
    [windowsEnds(1), Buffer.from("cat <<EOF\r\nx\r\nEOF\r\n")],
    [windowsEnds(4), Buffer.from("cat <<EOF\nx\nEOF\necho y\r\n")],
    [windowsEnds(2), Buffer.from("echo $((x<<y))\necho z\r\n")],
    [windowsEnds(2), Buffer.from(`${BOM}${CRLF}`)],
    ["begins with a byte order mark (BOM)", Buffer.from(BOM + PLAIN)],
    ["has line ends of CR alone", Buffer.from(PLAIN.replaceAll("\n", "\r"))],
    ["is UTF-16 text", utf16(BOM + CRLF)],
    ["is UTF-16 text", utf16be(BOM + PLAIN)],
    ["is UTF-16 text", utf16(PLAIN)],
    ["is UTF-16 text", utf16be(PLAIN)],
  ])("%s: %j", (what, bytes) => {
    expect(scriptFault(bytes)).toEqual({ what, isConvertible: true });
    const converted = convertedScript(bytes);
    expect(scriptFault(converted)).toBeUndefined();
    expect(converted.toString()).not.toMatch(/\r|\ufeff/);
  });

  it.each<[what: string, bytes: Buffer]>([
    ["has NUL characters", Buffer.from("echo one\necho \0two\n")],
    ["has NUL characters", Buffer.from("if false; then\n  exit 1\nfi\necho \0two\n")],
    ["is UTF-32 text", Buffer.from("#\0\0\0!\0\0\0")],
    ["is UTF-32 text", Buffer.from("\xff\xfe\0\0#\0\0\0", "latin1")],
  ])("%s, which nothing can put right: %j", (what, bytes) => {
    expect(scriptFault(bytes)).toEqual({ what, isConvertible: false });
  });
});

describe("sh runs as it was meant", () => {
  it.each<[what: string, bytes: Buffer]>([
    ["a plain script", Buffer.from(PLAIN)],
    ["one without a last line end", Buffer.from("echo one\necho two")],
    ["an empty one", Buffer.alloc(0)],
    ["text in UTF-8", Buffer.from("echo 配置 ü\n")],
    ["one in another encoding", Buffer.from("echo \xfc\n", "latin1")],
    ["a first line for Windows, which is a comment", Buffer.from("#!/bin/sh\r\necho one\n")],
    ["a document with Windows line ends", Buffer.from("cat <<EOF > x.ini\na=1\r\nb=2\r\nEOF\necho x\n")],
    ["the same with quotes and tabs", Buffer.from("cat <<-'END' > x.ini\n\ta=1\r\n\tEND\necho x\n")],
    ["a carriage return within a line", Buffer.from("printf 'a\rb'\n")],
    ["data behind an exit", Buffer.from("#!/bin/sh\ntail -n +4 $0 | tar x\nexit 0\n\x1f\x8b\r\n\0\0\r\n")],
    ["data behind an exit at a line's end", Buffer.from("eval $finish; exit $res\n\0\r\n")],
  ])("%s", (_, bytes) => {
    expect(scriptFault(bytes)).toBeUndefined();
  });
});

it("converts a script before its data, which stays as it is", () => {
  const data = Buffer.from("\x1f\x8b\0\r\n\xff\0\r\n", "latin1");
  const script = "#!/bin/sh\r\ntail -n +3 $0\r\nexit 0\r\n";
  const converted = convertedScript(Buffer.concat([Buffer.from(script), data]));
  expect(converted).toEqual(Buffer.concat([Buffer.from(script.replaceAll("\r", "")), data]));
});

it("what is converted does what it says", () => {
  const converted = convertedScript(utf16(`${BOM}x="配置"\r\nif true; then\r\n  printf %s "$x"\r\nfi\r\n`));
  expect(execFileSync("/bin/sh", ["-c", converted.toString()], { encoding: "utf8" })).toBe("配置");
});

it.each([
  ["setup.sh", "", true],
  ["SETUP.SH", "", true],
  ["lib/env.bash", "", true],
  ["setup", "#!/bin/sh\r\n", true],
  ["setup", "#! /usr/bin/env bash\n", true],
  ["setup", "#!/bin/sh -e", true],
  ["setup.py", "#!/usr/bin/env python3\n", false],
  ["setup.txt", "run sh\n", false],
  ["setup.csh", "#!/bin/csh\n", false],
])("%s that begins with %j is a shell script: %s", (name, head, expected) => {
  expect(isShellScript(name, Buffer.from(head))).toBe(expected);
});

it("knows the files that a script names, and those that a shell reads", () => {
  const { words, read } = namedFiles(
    Buffer.from('. "$(dirname "$0")/env"\nsh -e ./setup x.txt && ./lib/go.sh;cat `pwd`/conf.txt\n'),
  );
  expect([...words]).toEqual(expect.arrayContaining(["env", "setup", "go.sh", "conf.txt"]));
  expect(["env", "setup", "x.txt", "go.sh", "conf.txt"].filter((name) => read.has(name))).toEqual(["env", "setup"]);
});

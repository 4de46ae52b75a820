import { describe, expect, test } from "vitest";
import { moduleOf, parseModuleInfo, readBuildInfo } from "../../src/inspect/go/build-info.ts";
import { AMD64, ARM, BASE, buildElf, type ElfFormat, S390X } from "../support/elf.ts";
import { inlineBuildInfo } from "../support/go-elf.ts";
import { withImage } from "./kit.ts";

const MODULES = "path\texample.com/engine/cmd\nmod\texample.com/engine\tv1.0.0\th1:a=\n";
const FORMATS: readonly [string, ElfFormat][] = [
  ["amd64", AMD64],
  ["arm", ARM],
  ["s390x", S390X],
];
const read = (bytes: Buffer) => withImage(bytes, readBuildInfo);

/** Both layouts begin in the data, which the headers leave at 16 bytes' boundaries. */
const dataStart = (format: ElfFormat) => buildElf({ format, data: Buffer.from("here it is") }).indexOf("here it is");

describe.each(FORMATS)("%s", (_, format) => {
  test("strings behind it, as since Go 1.18", async () => {
    const data = inlineBuildInfo({ goVersion: "go1.22.1", modules: MODULES }, format);
    expect(await read(buildElf({ format, data }))).toMatchObject({
      goVersion: "go1.22.1",
      modules: { main: { path: "example.com/engine", version: "v1.0.0" } },
    });
  });

  test("addresses of strings, as before", async () => {
    const data = pointers(format, "go1.13.15", `0123456789abcdef${MODULES}0123456789abcdef`);
    expect(await read(buildElf({ format, data }))).toMatchObject({
      goVersion: "go1.13.15",
      modules: { main: { path: "example.com/engine", version: "v1.0.0" } },
    });
  });

  test("addresses that the loader fills in are not known", async () => {
    const data = pointers(format, "go1.13.15", "");
    data.fill(0, 16, 32);
    expect(await read(buildElf({ format, data }))).toMatchObject({ goVersion: "", modules: { main: undefined } });
  });
});

/** Header, both string headers, and what they point to. */
function pointers(format: ElfFormat, ...texts: [string, string]): Buffer {
  const word = format.wordBytes;
  const start = BASE + dataStart(format);
  const put = (bytes: Buffer, at: number, value: number) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (word === 8) view.setBigUint64(at, BigInt(value), format.littleEndian);
    else view.setUint32(at, value, format.littleEndian);
  };
  const header = Buffer.alloc(32 + 4 * word);
  header.write("\xff Go buildinf:", "latin1");
  header[14] = word;
  header[15] = format.littleEndian ? 0 : 1;
  const parts = [header];
  let end = header.length;
  for (const [index, text] of texts.entries()) {
    const stringHeader = 32 + index * 2 * word;
    put(header, 16 + index * word, start + stringHeader);
    put(header, stringHeader, start + end);
    put(header, stringHeader + word, Buffer.byteLength(text));
    parts.push(Buffer.from(text));
    end += Buffer.byteLength(text);
  }
  return Buffer.concat(parts);
}

test("a program of another language has none", async () => {
  expect(await read(buildElf({ data: Buffer.from("a program") }))).toBeUndefined();
});

test("modules, those that stand in for others, and settings", () => {
  const info = parseModuleInfo(
    [
      "path\texample.com/engine/cmd",
      "mod\texample.com/engine\t(devel)\t",
      "dep\texample.com/a\tv1.2.3\th1:a=",
      "dep\texample.com/b\tv1.0.0",
      "=>\texample.org/b\tv1.0.1\th1:b=",
      "dep\texample.com/c\tv1.0.0",
      "=>\t./local\t",
      "build\t-trimpath=true",
      'build\t-ldflags="-X a=b"',
      "what is this",
      "",
    ].join("\n"),
  );
  expect(info.main).toEqual({ path: "example.com/engine", version: "(devel)", replacedBy: "" });
  expect(info.dependencies).toEqual([
    { path: "example.com/a", version: "v1.2.3", replacedBy: "" },
    { path: "example.com/b", version: "v1.0.1", replacedBy: "example.org/b" },
    { path: "example.com/c", version: "(devel)", replacedBy: "./local" },
  ]);
  expect(info.settings.get("-trimpath")).toBe("true");
  expect(info.settings.get("-ldflags")).toBe('"-X a=b"');
});

test("no more modules than it makes sense to keep", () => {
  const line = (_: unknown, index: number) => `dep\texample.com/${index}\tv1.0.0`;
  expect(parseModuleInfo(Array.from({ length: 6000 }, line).join("\n")).dependencies).toHaveLength(5000);
});

test.each([
  ["example.com/a", "example.com/a"],
  ["example.com/a/b/c", "example.com/a/b"],
  ["example.com/ab", undefined],
  ["fmt", undefined],
])("the package %s is of the module %s", (path, module) => {
  const paths = ["example.com/a", "example.com/a/b"];
  const modules = new Map(paths.map((one) => [one, { path: one, version: "v1", replacedBy: "" }]));
  expect(moduleOf(path, modules)?.path).toBe(module);
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { detectPlatform, type PlatformFacts } from "../../src/catalogue/platform.ts";

const AUTO = { os: "auto", arch: "auto" };
const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\nHOME_URL="https://x"\n';
const GLIBC_MAPS =
  "7f00-7f01 r-xp 00000000 08:01 131 /usr/lib/x86_64-linux-gnu/libc.so.6\n7f02-7f03 r--p 0 08:01 9 /usr/bin/node\n";
const MUSL_MAPS =
  "7f00-7f01 r-xp 00000000 08:01 131 /lib/ld-musl-x86_64.so.1\n7f02-7f03 r--p 0 08:01 9 /usr/bin/node\n";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "platform-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function system(facts: { osRelease?: string; fallback?: string; maps?: string } = {}): Promise<PlatformFacts> {
  const file = (name: string) => join(folder, name);
  if (facts.osRelease !== undefined) await writeFile(file("etc"), facts.osRelease);
  if (facts.fallback !== undefined) await writeFile(file("usr"), facts.fallback);
  if (facts.maps !== undefined) await writeFile(file("maps"), facts.maps);
  return { osReleaseFiles: [file("etc"), file("usr")], mapsFile: file("maps"), arch: "x64", endianness: "LE" };
}

describe("os", () => {
  test.each([
    ["Debian", { osRelease: DEBIAN, maps: GLIBC_MAPS }, "debian"],
    ["Alpine", { osRelease: 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.0\n' }, "alpine"],
    ["Alpine, quoted", { osRelease: 'ID="alpine"\n' }, "alpine"],
    ["Alpine, in the second place", { fallback: "ID='alpine'\n" }, "alpine"],
    ["the first file counts", { osRelease: DEBIAN, fallback: "ID=alpine\n", maps: GLIBC_MAPS }, "debian"],
    ["another musl system", { osRelease: "ID=postmarketos\nID_LIKE=alpine\n", maps: MUSL_MAPS }, "alpine"],
    ["musl as libc.so", { osRelease: "ID=void\n", maps: "7f00-7f01 r-xp 0 08:01 1 /usr/lib/libc.so\n" }, "alpine"],
    ["another glibc system", { osRelease: "ID=fedora\n", maps: GLIBC_MAPS }, "debian"],
    ["ID_LIKE alone is no ID", { osRelease: "ID_LIKE=alpine\n", maps: GLIBC_MAPS }, "debian"],
    ["a system that tells nothing", {}, "debian"],
  ])("%s", async (_title, facts, os) => {
    expect((await detectPlatform(AUTO, await system(facts))).os).toBe(os);
  });
});

describe("arch, as Go names it", () => {
  test.each([
    ["x64", "LE", "amd64"],
    ["arm64", "LE", "arm64"],
    ["arm", "LE", "arm"],
    ["ia32", "LE", "386"],
    ["ppc64", "LE", "ppc64le"],
    ["ppc64", "BE", "ppc64"],
    ["mips", "BE", "mips"],
    ["mipsel", "LE", "mipsle"],
    ["riscv64", "LE", "riscv64"],
    ["s390x", "BE", "s390x"],
    ["loong64", "LE", "loong64"],
  ] as const)("%s %s is %s", async (arch, endianness, expected) => {
    expect((await detectPlatform(AUTO, { ...(await system()), arch, endianness })).arch).toBe(expected);
  });
});

test("a setting is taken as it is, an empty one is auto", async () => {
  const facts = await system({ osRelease: "ID=alpine\n" });
  expect(await detectPlatform({ os: "openwrt", arch: " armv7 " }, facts)).toEqual({ os: "openwrt", arch: "armv7" });
  expect(await detectPlatform({ os: "", arch: "Auto" }, facts)).toEqual({ os: "alpine", arch: "amd64" });
});

test("this system is one that hosts know", async () => {
  const { os, arch } = await detectPlatform(AUTO);
  expect(["debian", "alpine"]).toContain(os);
  expect(arch).toMatch(/^[a-z0-9]+$/);
});

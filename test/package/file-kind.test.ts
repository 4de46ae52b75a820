import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readArchive } from "../../src/package/archive.ts";
import { goodZip } from "../support/hostile-zips.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** A file that is no zip: the refusal says its size and what it seems to be. */

const HTML = "an HTML page, such as a login or error page; open the address in a browser to see it";
const LFS = "a Git LFS pointer, not the file itself; get that with git lfs pull";
const CUT = "a zip whose end is missing or damaged; transfer it again";
const XML = "XML, such as the error message of a storage service";
const PACK = "; pack the plugin as a .zip";
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 5242880\n`;

const latin1 = (text: string) => Buffer.from(text, "latin1");
const tar = () => Buffer.concat([Buffer.alloc(257, "a"), Buffer.from("ustar"), Buffer.alloc(10_000)]);

test.each<[string, Buffer, string]>([
  ["an empty file", Buffer.alloc(0), "it is empty"],
  ["a login page", Buffer.from("\n<!DOCTYPE html><html><title>Sign in</title></html>"), HTML],
  ["a page that begins with XML and a comment", Buffer.from("<?xml version='1.0'?>\n<!-- -->\n<html>"), HTML],
  ["a page with a byte order mark", Buffer.from("\ufeff<html>"), HTML],
  ["a page in UTF-16", Buffer.from("\ufeff<html>", "utf16le"), HTML],
  ["a long page", Buffer.from(`<html>${"数".repeat(1000)}</html>`), HTML],
  ["a Git LFS pointer", Buffer.from(POINTER), LFS],
  ["an error of S3", Buffer.from("<?xml version='1.0'?>\n<Error><Code>NoSuchKey</Code></Error>"), XML],
  ["an error of an API", Buffer.from('{"message":"Not Found"}'), "JSON, such as the error message of an API"],
  ["base64", Buffer.from(goodZip().toString("base64")), "a zip in base64; decode it first"],
  [
    "the body of a form",
    Buffer.from('--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nPK'),
    "the body of a form; send it with Content-Type: multipart/form-data",
  ],
  ["text", Buffer.from("no zip"), "text"],
  ["a zip that is cut off", goodZip().subarray(0, 3000), CUT],
  ["a zip without its last byte", goodZip().subarray(0, -1), CUT],
  ["the first bytes of a zip", goodZip().subarray(0, 2), "a zip that is cut off or damaged; transfer it again"],
  [
    "a zip that was sent as text",
    Buffer.from(goodZip().subarray(0, -30).toString("utf8")),
    "a zip that was sent as text, which destroys it; send it as binary",
  ],
  ["a part of a split zip", latin1("PK\x07\x08PK\x03\x04"), "a part of a split zip; join its parts first"],
  ["a 7z", latin1("7z\xbc\xaf\x27\x1c\0\x04"), `a 7z archive${PACK}`],
  ["a .tar.gz", gzipSync(tar()), `a .tar.gz archive${PACK}`],
  ["a zip inside of gzip", gzipSync(goodZip()), "a zip inside of gzip; unpack it with gunzip first"],
  ["a gzip bomb", gzipSync(Buffer.alloc(10_000_000)), `a gzip file, such as a .tar.gz${PACK}`],
  ["half of a gzip header", latin1("\x1f\x8b"), `a gzip file, such as a .tar.gz${PACK}`],
  ["a tar", tar(), `a tar archive${PACK}`],
  ["an xz", latin1("\xfd7zXZ\0\0"), `an xz file, such as a .tar.xz${PACK}`],
  ["a RAR", latin1("Rar!\x1a\x07\x01\0"), `a RAR archive${PACK}`],
  ["a .so", latin1("\x7fELF\x02\x01\x01\0"), `an ELF file, such as a .so${PACK}`],
  ["zeros", Buffer.alloc(10_000), "zeros, as of a download that was not finished"],
  ["anything else", latin1("\x9d\x01\xff\0"), "of an unknown kind"],
])("%s", async (_, bytes, kind) => {
  const path = join(await tempFolder(), "package.zip");
  await writeFile(path, bytes);
  await using file = await open(path);
  await expect(readArchive(file, 10)).rejects.toMatchObject({
    code: "ARCHIVE_INVALID",
    message: `zip: not a valid zip file (${bytes.length} bytes, ${kind})`,
  });
});

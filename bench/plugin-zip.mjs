import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import yazl from "yazl";
import { realBinary } from "./binaries.mjs";

const LIKE_ZIP_6 = { compressionLevel: 6, mode: 0o100755 };

/** Writes the zip of a small source plugin and returns its file name. */
export async function writeSmallZip(folder, name, soContent) {
  const zip = new yazl.ZipFile();
  zip.addBuffer(soContent, `${exported(name)}@v1.0.0.so`, LIKE_ZIP_6);
  zip.addBuffer(Buffer.from(`# ${name}\ndefault:\n  interval: 1000\n  seed: 1\n`), `${name}.yaml`);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(join(folder, `${name}.zip`)));
  return `${name}.zip`;
}

/** Writes the zip of one version of a function plugin with a large .so and returns its path. */
export async function writeVersionZip(folder, name, version, megabytes) {
  const path = join(folder, `${name}-${version}.zip`);
  const zip = new yazl.ZipFile();
  const content = Readable.from(ofVersion(version, megabytes * 1024 * 1024));
  zip.addReadStream(content, `${exported(name)}@v${version}.so`, { ...LIKE_ZIP_6, compressionLevel: 1 });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

async function* ofVersion(version, length) {
  yield* realBinary(length);
  yield Buffer.from(version); // no two versions are the same file
}

/**
 * The zip of a function plugin with a large .so. A plugin's name can be installed once in a server's life, so every
 * round needs another; the name in the zip is overwritten with one of the same length, for packing takes long.
 */
export class BigZip {
  /** @param {Readable} content of the .so; by default the bytes of real programs */
  static async write(folder, megabytes, content = Readable.from(realBinary(megabytes * 1024 * 1024))) {
    const zip = new BigZip(folder, megabytes);
    const writer = new yazl.ZipFile();
    writer.addReadStream(content, zip.soFile, LIKE_ZIP_6);
    writer.end();
    await pipeline(writer.outputStream, createWriteStream(zip.path));
    return zip;
  }

  #count = 0;

  constructor(folder, megabytes) {
    this.fileName = `big-${megabytes}.zip`;
    this.path = join(folder, this.fileName);
  }

  get name() {
    return `bench${String(this.#count).padStart(4, "0")}`;
  }

  get soFile() {
    return `${exported(this.name)}@v1.0.0.so`;
  }

  /** Gives the plugin a name that it did not have before. */
  async rename() {
    const before = Buffer.from(this.soFile);
    this.#count += 1;
    const file = await open(this.path, "r+");
    try {
      for (const position of await namePositions(file, before)) await file.write(this.soFile, position);
    } finally {
      await file.close();
    }
  }
}

/** Where a zip of one entry has its name: behind the local header's fixed part and in the directory at the end. */
async function namePositions(file, name) {
  const { size } = await file.stat();
  const tail = Buffer.alloc(Math.min(size, 1024));
  await file.read(tail, 0, tail.length, size - tail.length);
  return [30, size - tail.length + tail.lastIndexOf(name)];
}

function exported(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

// Makes a small plugin zip to try the API with: node scripts/make-example-plugin.mjs example.zip [VERSION]
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";

const [file = "example.zip", version = "1.0.0"] = process.argv.slice(2);
const zip = new ZipFile();
// The same bytes at every time and place, so that everybody sees the checksums that the README shows.
const options = { mtime: new Date(2024, 0, 1), forceDosTimestamp: true, compress: false };
const add = (name, text) => zip.addBuffer(Buffer.from(text), name, options);
// A text, not a program: this server installs it, an engine could not load it.
add(`Example@v${version}.so`, "not a real plugin\n");
add("example.yaml", "default:\n  interval: 1000\n");
// Another version shows what becomes of a script's output.
if (version !== "1.0.0") add("install.sh", `echo "install.sh of version ${version} has nothing to do"\n`);
zip.end();
await pipeline(zip.outputStream, createWriteStream(file));

// Makes a small plugin zip to try the API with: node scripts/make-example-plugin.mjs example.zip
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";

const zip = new ZipFile();
// The same bytes at every time and place, so that everybody sees the checksums that the README shows.
const options = { mtime: new Date(2024, 0, 1), forceDosTimestamp: true, compress: false };
// A text, not a program: this server installs it, an engine could not load it.
zip.addBuffer(Buffer.from("not a real plugin\n"), "Example@v1.0.0.so", options);
zip.addBuffer(Buffer.from("default:\n  interval: 1000\n"), "example.yaml", options);
zip.end();
await pipeline(zip.outputStream, createWriteStream(process.argv[2] ?? "example.zip"));

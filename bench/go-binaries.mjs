import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { realBinary } from "./binaries.mjs";

/** What an engine and its plugins share: enough of Go's library that there are many packages to compare. */
const SHARED = `
	_ "database/sql"
	_ "encoding/gob"
	_ "encoding/xml"
	_ "html/template"
	_ "image/png"
	_ "net/http"
	_ "net/rpc"
`;

const SOURCE = {
  engine: `package main

import (
	_ "embed"
	"fmt"
	"plugin"
${SHARED})

//go:embed ballast
var ballast string

func main() {
	_, err := plugin.Open("none")
	fmt.Println(len(ballast), err)
}
`,
  plugin: `package main

import (
	_ "embed"
${SHARED})

//go:embed ballast
var ballast string

func Bench() int { return len(ballast) }
`,
};

/**
 * Builds an engine and a plugin for it, each filled up to its size with the bytes of real programs.
 *
 * @param {string} folder
 * @param {{ engine: number, plugin: number }} megabytes
 * @returns {Promise<{ engine: string, plugin: string }>} their paths
 */
export async function buildGoBinaries(folder, megabytes) {
  const built = {};
  for (const [kind, flags] of Object.entries({ engine: [], plugin: ["-buildmode=plugin"] })) {
    const module = join(folder, `go-${kind}`);
    await mkdir(module);
    await writeFile(join(module, "go.mod"), `module example.com/bench/${kind}\n\ngo 1.19\n`);
    await writeFile(join(module, "main.go"), SOURCE[kind]);
    // The rest of the file is Go's own: 10 MB and a little.
    const ballast = Math.max(1, megabytes[kind] - 12) * 1024 * 1024;
    await pipeline(Readable.from(realBinary(ballast)), createWriteStream(join(module, "ballast")));
    built[kind] = join(folder, kind === "plugin" ? "bench.so" : "kuiperd");
    await go(module, ["build", "-trimpath", ...flags, "-o", built[kind], "."]);
  }
  return built;
}

async function go(cwd, args) {
  const env = { ...process.env, CGO_ENABLED: "1", GOFLAGS: "-mod=mod", GOPROXY: "off", GO111MODULE: "on" };
  const child = spawn("go", args, { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`go ${args.join(" ")} ended with ${code}`);
}

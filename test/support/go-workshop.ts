import { execFile } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { BUILD_TIMEOUT_MS, MODULE_FLAGS } from "./go-toolchains.ts";
import { buildZip } from "./zip.ts";

/** An engine with a REST interface, and plugins for it; see its main.go. */
const ENGINE_HOST = join(import.meta.dirname, "../system/engine-host");

/**
 * Builds engines and plugins with the Go that is installed: an engine of the module example.com/engine, which has
 * plugins of its own as Kuiper has, and a plugin of another module. Both use example.com/greet, in different versions.
 */
export class GoWorkshop {
  readonly folder: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#env = {
      ...process.env,
      GO111MODULE: "on",
      // Packages of these builds alone, so that nothing depends on what was built before. Removable, too.
      GOPATH: join(folder, "go"),
      GOFLAGS: env.GO_MODULE_FLAGS ?? MODULE_FLAGS,
      GOPROXY: `file://${join(folder, "proxy")}`,
      GOSUMDB: "off",
      GOWORK: "off",
      GOTOOLCHAIN: "local",
      ...env,
    };
  }

  /**
   * @param env of the builds, such as another `CC`
   * @throws when there is no Go or no C compiler
   */
  static async open(folder: string, env: Readonly<Record<string, string>> = {}): Promise<GoWorkshop> {
    const workshop = new GoWorkshop(folder, env);
    await mkdir(folder, { recursive: true });
    await workshop.#run(folder, "go", "version");
    await workshop.#run(folder, env.CC ?? "gcc", "--version");
    for (const version of ["v1.0.0", "v1.1.0"]) await publishGreet(join(folder, "proxy"), version);
    await writeFiles(join(folder, "engine"), ENGINE);
    await writeFiles(join(folder, "changed-engine"), { ...ENGINE, ...CHANGED });
    await writeFiles(join(folder, "elsewhere"), ENGINE);
    await writeFiles(join(folder, "other"), OTHER);
    await cp(ENGINE_HOST, join(folder, "host"), { recursive: true });
    return workshop;
  }

  /** Builds a Go package and returns the path of what came out. */
  async build({
    module = "engine",
    path,
    mode = "plugin",
    trimpath = true,
    strip = false,
    env,
    flags,
  }: Build): Promise<string> {
    const name = [
      module,
      path.replaceAll("/", "-"),
      mode,
      trimpath ? "" : "untrimmed",
      strip ? "stripped" : "",
      ...(flags ?? []),
      ...environment(env),
    ];
    const target = join(
      this.folder,
      "built",
      `${name
        .filter(Boolean)
        .join("_")
        .replaceAll(/[^\w.-]/g, "")}${mode === "exe" ? "" : ".so"}`,
    );
    const args = ["build", `-buildmode=${mode}`, "-o", target, ...(flags ?? [])];
    if (trimpath) args.push("-trimpath");
    if (strip) args.push("-ldflags=-s -w");
    const source = path.endsWith(".go") ? path : `./${path}`;
    await this.#run(join(this.folder, module), "env", ...environment(env), "go", ...args, source);
    return target;
  }

  /** A C library, with what a linker is to be told besides. */
  async buildLibrary(name: string, code: string, ...flags: string[]): Promise<string> {
    const target = join(this.folder, "built", name);
    await writeFiles(this.folder, { [`${name}.c`]: code, "built/.keep": "" });
    await this.#run(this.folder, this.#env.CC ?? "gcc", "-shared", "-fPIC", "-o", target, `${name}.c`, ...flags);
    return target;
  }

  async #run(cwd: string, program: string, ...args: string[]): Promise<void> {
    await promisify(execFile)(program, args, { cwd, env: this.#env, timeout: BUILD_TIMEOUT_MS }).catch((error) => {
      throw new Error(`${program} ${args.join(" ")}: ${error.stderr || error.message}`);
    });
  }
}

export interface Build {
  /** `changed-engine` is the engine with one package changed, `elsewhere` the same in another folder; `host` has a REST interface. */
  readonly module?: "engine" | "elsewhere" | "changed-engine" | "other" | "host";
  /** Of the package in the module, or of a file of it. */
  readonly path: string;
  readonly mode?: "plugin" | "exe" | "pie" | "c-shared";
  readonly trimpath?: boolean;
  /** Without symbols and debug information. */
  readonly strip?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

/** What an engine of the workshop says about a plugin. */
export interface Loading {
  /** Go's message, or how the engine's process ended; `""` when the plugin is loaded. */
  readonly error: string;
  /** Whether each symbol is there. */
  readonly found: Readonly<Record<string, boolean>>;
  /** Whether loading ended the process. */
  readonly crashed: boolean;
}

/**
 * Has an engine load a plugin and look up symbols, in a process of its own. With `REPLACE_BY` in `env` it does so
 * twice, and moves that file over the plugin's in between.
 */
export async function load(
  engine: string,
  plugin: string,
  symbols: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Loading> {
  try {
    const options = { env: { ...process.env, ...env }, timeout: 100_000 };
    const { stdout } = await promisify(execFile)(engine, [plugin, ...symbols], options);
    return { ...JSON.parse(stdout), crashed: false };
  } catch (error) {
    const { code, signal, stderr } = error as { code?: unknown; signal?: unknown; stderr?: string };
    return { error: `ended with ${code ?? signal}: ${stderr?.slice(0, 500)}`, found: {}, crashed: true };
  }
}

function environment(env: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

async function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** As a module proxy has it, see `go help goproxy`. */
async function publishGreet(proxy: string, version: string): Promise<void> {
  const goMod = "module example.com/greet\n\ngo 1.16\n";
  const code = `package greet

type Greeting struct {
	Text string
	${version === "v1.1.0" ? "Loud bool" : ""}
}

func Hello(name string) Greeting { return Greeting{Text: "hello " + name} }
`;
  const files = { "go.mod": goMod, "greet.go": code };
  const entries = Object.entries(files).map(([path, data]) => ({ name: `example.com/greet@${version}/${path}`, data }));
  await writeFiles(join(proxy, "example.com/greet/@v"), {
    list: "v1.0.0\nv1.1.0\n",
    [`${version}.info`]: JSON.stringify({ Version: version, Time: "2020-01-01T00:00:00Z" }),
    [`${version}.mod`]: goMod,
    [`${version}.zip`]: buildZip(entries),
  });
}

const PLUGIN = `package main

import "example.com/engine/model"

type source struct{}

func (source) Open() string { return model.Describe(model.Row{Name: "x"}) }

func Random() interface{} { return source{} }

var Count = 3

var hidden = 4

type Upper struct{ Size int }

func (u *Upper) Grow() int { return u.Size + hidden }

var Keep interface{} = &Upper{}
`;

const ENGINE: Readonly<Record<string, string>> = {
  "go.mod": "module example.com/engine\n\ngo 1.16\n\nrequire example.com/greet v1.1.0\n",
  "cmd/engine/main.go": `package main

import (
	"encoding/json"
	"fmt"
	"os"
	"plugin"

	"example.com/engine/model"
	"example.com/greet"
)

type result struct {
	Error string          \`json:"error"\`
	Found map[string]bool \`json:"found"\`
	Words string          \`json:"words"\`
}

func main() {
	words := greet.Hello("x").Text + model.Describe(model.Row{Name: "x"})
	r := result{Found: map[string]bool{}, Words: words}
	p, err := plugin.Open(os.Args[1])
	if other := os.Getenv("REPLACE_BY"); other != "" {
		os.Rename(other, os.Args[1])
		p, err = plugin.Open(os.Args[1])
	}
	if err != nil {
		r.Error = err.Error()
	} else {
		for _, symbol := range os.Args[2:] {
			_, err := p.Lookup(symbol)
			r.Found[symbol] = err == nil
		}
	}
	text, _ := json.Marshal(r)
	fmt.Println(string(text))
}
`,
  "cmd/tool/main.go": `package main

import "fmt"

func main() { fmt.Println("a program that loads nothing") }
`,
  "model/model.go": `package model

import "fmt"

type Row struct{ Name string }

func Describe(row Row) string { return fmt.Sprintf("row %s", row.Name) }
`,
  "plugins/random/random.go": PLUGIN,
  "plugins/v1.2/random.go": PLUGIN,
  "plugins/lower/lower.go": PLUGIN.replace("func Random", "func random").replace(
    "var Keep",
    "var keep = random\nvar Keep",
  ),
  "plugins/foreign/foreign.go": `package main

// #cgo LDFLAGS: -lforeign
// int foreign(void);
import "C"

func Random() int { return int(C.foreign()) }
`,
  "plugins/clibrary/clibrary.go": `package main

import "C"
import "plugin"

//export Random
func Random() int {
	_, err := plugin.Open("x")
	if err != nil {
		return 1
	}
	return 0
}

func main() {}
`,
};

/** One more field: the package is another one for those that use it. */
const CHANGED = {
  "model/model.go": `package model

import "fmt"

type Row struct {
	Name string
	Size int
}

func Describe(row Row) string { return fmt.Sprintf("row %s %d", row.Name, row.Size) }
`,
};

const OTHER = {
  "go.mod": "module example.com/other\n\ngo 1.16\n\nrequire example.com/greet v1.0.0\n",
  "random/random.go": `package main

import "example.com/greet"

func Random() string { return greet.Hello("y").Text }
`,
};

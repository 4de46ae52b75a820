import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { PluginType } from "../../src/domain/plugin.ts";
import { BUILD_TIMEOUT_MS } from "./go-toolchains.ts";

/** Where engines of different ages have their interfaces: the module, the folder in it, and the engine's own module. */
export const APIS = {
  "1.0": { module: "github.com/emqx/kuiper", api: "xstream/api" },
  "1.x": { module: "github.com/lf-edge/ekuiper", api: "pkg/api" },
  "2.x": { module: "github.com/lf-edge/ekuiper/contract/v2", api: "api" },
} as const;
export type Age = keyof typeof APIS;

const API = `package api

type StreamContext interface{ GetRuleId() string }

type Source interface {
	Open(ctx StreamContext, consumer chan<- map[string]interface{}, errCh chan<- error)
	Configure(datasource string, props map[string]interface{}) error
	Close(ctx StreamContext) error
}

type Sink interface {
	Open(ctx StreamContext) error
	Configure(props map[string]interface{}) error
	Collect(ctx StreamContext, data interface{}) error
	Close(ctx StreamContext) error
}

type Function interface {
	Validate(args []interface{}) error
	Exec(args []interface{}, ctx StreamContext) (interface{}, bool)
	IsAggregate() bool
}
`;

/** Looks a symbol up and uses it as the engine does: a type switch, and nothing else. */
const engine = (apiPath: string) => `package main

import (
	"fmt"
	"os"
	"plugin"

	"${apiPath}"
)

func main() {
	p, err := plugin.Open(os.Args[2])
	if err != nil {
		fmt.Print(err)
		return
	}
	symbol, err := p.Lookup("Random")
	if err != nil {
		fmt.Print(err)
		return
	}
	taken := false
	switch os.Args[1] {
	case "sources":
		switch t := symbol.(type) {
		case api.Source:
			taken = t != nil
		case func() api.Source:
			taken = t() != nil
		}
	case "sinks":
		switch t := symbol.(type) {
		case api.Sink:
			taken = t != nil
		case func() api.Sink:
			taken = t() != nil
		}
	case "functions":
		switch t := symbol.(type) {
		case api.Function:
			taken = t != nil
		case func() api.Function:
			taken = t() != nil
		}
	}
	if taken {
		fmt.Print("taken")
	} else {
		fmt.Printf("refused %T", symbol)
	}
}
`;

const SOURCE = `type src struct{ size int }

func (*src) Open(ctx api.StreamContext, consumer chan<- map[string]interface{}, errCh chan<- error) {}
func (*src) Configure(datasource string, props map[string]interface{}) error { return nil }
func (*src) Close(ctx api.StreamContext) error { return nil }
`;
const VALUE_SOURCE = SOURCE.replaceAll("(*src)", "(src)");
const SINK = `type snk struct{ size int }

func (*snk) Open(ctx api.StreamContext) error { return nil }
func (*snk) Configure(props map[string]interface{}) error { return nil }
func (*snk) Collect(ctx api.StreamContext, data interface{}) error { return nil }
func (*snk) Close(ctx api.StreamContext) error { return nil }
`;
const FUNCTION = `type fun struct{ size int }

func (*fun) Validate(args []interface{}) error { return nil }
func (*fun) Exec(args []interface{}, ctx api.StreamContext) (interface{}, bool) { return nil, false }
func (*fun) IsAggregate() bool { return false }
`;

/** A plugin's code after its imports, whether an engine takes it, and otherwise words of the message. */
interface Row {
  readonly code: string;
  readonly type?: PluginType;
  readonly says?: string;
  /** Whether it imports the other package that is called api. */
  readonly foreign?: boolean;
}

export const ROWS: Readonly<Record<string, Row>> = {
  "func-source": { code: `${SOURCE}func Random() api.Source { return &src{} }` },
  "named-result": { code: `${SOURCE}func Random() (s api.Source) { return &src{} }` },
  alias: { code: `${SOURCE}type S = api.Source\nfunc Random() S { return &src{} }` },
  variable: { code: `${VALUE_SOURCE}var Random src` },
  "pointer-methods": { code: `${SOURCE}var Random src` },
  embedded: { code: `${SOURCE}type outer struct{ src }\nvar Random outer` },
  "more-methods": { code: `${SOURCE}func (*src) Another() {}\nfunc (*src) hidden() {}\nvar Random src` },
  "func-sink": { type: "sinks", code: `${SINK}func Random() api.Sink { return &snk{} }` },
  "variable-sink": { type: "sinks", code: `${SINK}var Random snk` },
  "func-function": { type: "functions", code: `${FUNCTION}func Random() api.Function { return &fun{} }` },
  "variable-function": { type: "functions", code: `${FUNCTION}var Random fun` },

  "func-pointer": {
    code: `${SOURCE}func Random() *src { return &src{} }`,
    says: "Random is a func() *main.src: declare it as func() api.Source",
  },
  "with-error": {
    code: `${SOURCE}func Random() (api.Source, error) { return &src{}, nil }`,
    says: "Random is a func() (api.Source, error): declare",
  },
  argument: { code: `${SOURCE}func Random(x string) api.Source { return &src{} }`, says: "func(string) api.Source" },
  variadic: { code: `${SOURCE}func Random(x ...string) api.Source { return &src{} }`, says: "func(...string)" },
  "no-result": { code: `${SOURCE}func Random() { println(&src{}) }`, says: "is a func(): declare" },
  "interface-variable": {
    code: `${SOURCE}var Random api.Source = &src{}`,
    says: "a variable that holds an api.Source, to which a look-up gives only a pointer",
  },
  "pointer-variable": { code: `${SOURCE}var Random = &src{}`, says: "a variable of the type *main.src: declare" },
  "func-variable": {
    code: `${SOURCE}var Random = func() api.Source { return &src{} }`,
    says: "a variable of the type func() api.Source: declare",
  },
  half: {
    code: `${SOURCE.replace(/func .*Close.*\n/, "").replace(/func .*Open.*\n/, "")}var Keep api.Source\nvar Random src`,
    says: "a variable of the type main.src, which lacks the methods Close and Open: add",
  },
  "other-signature": {
    code: `${SOURCE.replace("datasource string", "datasource int")}var Keep api.Source\nvar Random src`,
    says: "whose methods have other types: it should have Configure as func(string, map[string]interface {}) error",
  },
  int: { code: "var Keep api.Source\nvar Random = 3", says: "a variable of the type int: declare" },
  "other-api": {
    foreign: true,
    code: "func Random() api.Source { return nil }",
    says: "a func() api.Source of another package with that last name: import the engine's",
  },
  "other-interface": {
    code: `${SOURCE}type S interface{ api.Source }\nfunc Random() S { return &src{} }`,
    says: "a func() main.S: declare",
  },
  "sink-as-source": {
    code: `${SINK}func Random() api.Sink { return &snk{} }`,
    says: "Random is a sink: install it as one of the sinks",
  },
  "function-as-sink": {
    type: "sinks",
    code: `${FUNCTION}var Random fun`,
    says: "Random is a function: install it as one of the functions",
  },
};

/** Builds engines whose plugins' symbols have types of all kinds, with any version of Go. */
export class SymbolWorkshop {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly age: Age;

  constructor(folder: string, age: Age = "1.x") {
    this.#folder = join(folder, `symbols-${age}`);
    this.age = age;
    this.#env = { ...process.env, GO111MODULE: "on", GOFLAGS: "-trimpath", GOWORK: "off", GOTOOLCHAIN: "local" };
  }

  get folder(): string {
    return this.#folder;
  }

  /** Writes the sources and builds the engine. */
  async engine(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { module, api } = APIS[this.age];
    await this.#write("go.mod", `module ${module}\n\ngo 1.13\n`);
    await this.#write(`${api}/api.go`, API);
    await this.#write("foreign/api/api.go", API);
    await this.#write("cmd/engine/main.go", engine(`${module}/${api}`));
    for (const [name, { code, foreign }] of Object.entries(ROWS)) {
      const path = foreign ? `${module}/foreign/api` : `${module}/${api}`;
      await this.#write(`plugins/${name}/main.go`, `package main\n\nimport "${path}"\n\n${code}\n`);
    }
    const target = join(this.#folder, `engine${[...flags, ...Object.values(env)].join("").replaceAll(/\W/g, "")}`);
    await this.#run("env", ...settings(env), "go", "build", "-trimpath", ...flags, "-o", target, "./cmd/engine");
    return target;
  }

  async plugin(
    name: string,
    flags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const file = `${name}${[...flags, ...Object.values(env)].join("").replaceAll(/\W/g, "")}.so`;
    const target = join(this.#folder, file);
    const build = ["go", "build", "-trimpath", "-buildmode=plugin", ...flags, "-o", target, `./plugins/${name}`];
    await this.#run("env", ...settings(env), ...build);
    return target;
  }

  async #write(path: string, content: string): Promise<void> {
    const target = join(this.#folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }

  async #run(program: string, ...args: string[]): Promise<string> {
    const options = { cwd: this.#folder, env: this.#env, timeout: BUILD_TIMEOUT_MS };
    const { stdout } = await promisify(execFile)(program, args, options).catch((error) => {
      throw new Error(`${program} ${args.join(" ")}: ${error.stderr || error.message}`);
    });
    return stdout;
  }
}

function settings(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** What the engine says of the plugin's symbol Random: `taken`, `refused <type>`, or Go's message. */
export async function useSymbol(engine: string, type: PluginType, plugin: string): Promise<string> {
  const { stdout } = await promisify(execFile)(engine, [type, plugin], { timeout: 100_000 });
  return stdout;
}

import { parseArgs } from "node:util";
import { PLUGIN_TYPES, type PluginType } from "../../domain/plugin.ts";

/** How the command line ends; an inspection ends by its verdict. */
export const EXIT_CODE = { compatible: 0, incompatible: 1, unknown: 2, failed: 3 } as const;

export const USAGE = `Usage:
  kuiper-plugin-server            serves the plugins of the folder KuiperBaseKey, or of the current one
  kuiper-plugin-server inspect FILE [options]
                                  reports whether an engine will load a plugin; FILE is its zip or its .so

Options of inspect:
  --engine BINARY       the engine's executable; without it bin/kuiperd, bin/kuiper or bin/server of the base folder
  --type TYPE           sources, sinks or functions; without it a zip with a NAME.yaml is a source
  --name NAME           the plugin's name; without it that of the .so
  --statement FILE      a signed statement of which plugin the zip is, checked with the keys in etc/trust of the base folder
  --functions A,B       the functions that a function plugin has
  --json                prints the report as JSON

Exit status of inspect: ${EXIT_CODE.compatible} compatible, ${EXIT_CODE.incompatible} incompatible, ${EXIT_CODE.unknown} unknown, ${EXIT_CODE.failed} the file could not be inspected
`;

/** What is wrong with the arguments. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface InspectArguments {
  /** A zip or a .so. */
  readonly file: string;
  readonly engine: string | undefined;
  readonly type: PluginType | undefined;
  readonly name: string | undefined;
  readonly statement: string | undefined;
  readonly functions: readonly string[];
  readonly json: boolean;
}

/** The options of `inspect` as they were given. */
interface InspectOptions {
  readonly engine?: string | undefined;
  readonly type?: string | undefined;
  readonly name?: string | undefined;
  readonly statement?: string | undefined;
  readonly functions?: string | undefined;
  readonly json?: boolean | undefined;
}

/** @throws UsageError */
export function parseInspectArguments(args: readonly string[]): InspectArguments {
  const { values, positionals } = parse(args);
  return checkInspectArguments(positionals, values);
}

/** @throws UsageError */
export function checkInspectArguments(positionals: readonly string[], values: InspectOptions): InspectArguments {
  const [file, ...others] = positionals;
  if (file === undefined) throw new UsageError("inspect needs the zip or the .so of a plugin");
  if (others.length > 0) throw new UsageError(`inspect takes one file, but there is also ${others[0]}`);
  for (const option of ["engine", "type", "name", "statement"] as const) {
    if (values[option] === "") throw new UsageError(`--${option} is empty: leave it out, or give it a value`);
  }
  const type = PLUGIN_TYPES.find((known) => known === values.type);
  if (values.type !== undefined && type === undefined) {
    throw new UsageError(`--type is ${values.type}; it should be one of ${PLUGIN_TYPES.join(", ")}`);
  }
  const functions = (values.functions ?? "").split(",").filter((name) => name !== "");
  const { engine, name, statement, json = false } = values;
  if (statement !== undefined && file.endsWith(".so")) {
    throw new UsageError("--statement is about a zip; leave it out for a .so");
  }
  return { file, engine, type, name, statement, functions, json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        engine: { type: "string" },
        type: { type: "string" },
        name: { type: "string" },
        statement: { type: "string" },
        functions: { type: "string" },
        json: { type: "boolean" },
      },
    });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

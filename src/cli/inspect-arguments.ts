import { parseArgs } from "node:util";
import { PLUGIN_TYPES, type PluginType } from "../domain/plugin.ts";
import { UsageError } from "./usage.ts";

export interface InspectArguments {
  /** A zip or a .so. */
  readonly file: string;
  readonly engine: string | undefined;
  readonly type: PluginType | undefined;
  readonly name: string | undefined;
  readonly functions: readonly string[];
  readonly json: boolean;
}

/** @throws UsageError */
export function parseInspectArguments(args: readonly string[]): InspectArguments {
  const { values, positionals } = parse(args);
  const [file, ...others] = positionals;
  if (file === undefined) throw new UsageError("inspect needs the zip or the .so of a plugin");
  if (others.length > 0) throw new UsageError(`inspect takes one file, but there is also ${others[0]}`);
  for (const option of ["engine", "type", "name"] as const) {
    if (values[option] === "") throw new UsageError(`--${option} is empty: leave it out, or give it a value`);
  }
  const type = PLUGIN_TYPES.find((known) => known === values.type);
  if (values.type !== undefined && type === undefined) {
    throw new UsageError(`--type is ${values.type}; it should be one of ${PLUGIN_TYPES.join(", ")}`);
  }
  const functions = (values.functions ?? "").split(",").filter((name) => name !== "");
  return { file, engine: values.engine, type, name: values.name, functions, json: values.json ?? false };
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
        functions: { type: "string" },
        json: { type: "boolean" },
      },
    });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

import { isObject, parsedJson, stringsIn } from "../lib/objects.ts";
import { quoted } from "../lib/text.ts";
import { usageFailure } from "./failure.ts";

/** What the engine's own command line takes, in the words of this one. */
interface Translation {
  readonly args: readonly string[];
  /** As a person would type it. */
  readonly shown: string;
}

interface EngineWordsOptions {
  /** Whether an option takes the argument after it. */
  readonly takesValue: (option: string) => boolean;
  readonly readFile: (file: string) => string;
}

const VERBS = ["create", "describe", "drop", "register", "show"] as const;
const TYPES: Readonly<Record<string, string>> = { source: "sources", sink: "sinks", function: "functions" };

/**
 * Understands the words for plugins of the engine's own command line: `create plugin source NAME {json}` or `-f FILE`, `show
 * plugins sources`, `describe plugin source NAME`, `drop plugin source NAME -r true`. undefined for all other arguments.
 *
 * @throws CommandFailure with the words of this command line, where the engine's can't be followed
 */
export function translateEngineWords(args: readonly string[], options: EngineWordsOptions): Translation | undefined {
  const at = args.findIndex((arg, index) => !arg.startsWith("-") && !options.takesValue(args[index - 1] ?? ""));
  const [verb = "", noun, kind = "", ...rest] = at < 0 ? [] : args.slice(at);
  if (!(VERBS as readonly string[]).includes(verb) || (noun !== "plugin" && noun !== "plugins")) return undefined;
  const words = translate(verb, kind, rest, options);
  return { args: [...args.slice(0, at), ...words], shown: `kuiper-plugins ${words.map(shellWord).join(" ")}` };
}

function translate(verb: string, kind: string, rest: readonly string[], options: EngineWordsOptions): string[] {
  if (verb === "show") return show(kind, rest);
  const type = typeOf(kind);
  const [name, ...more] = rest;
  const known = type === undefined ? "TYPE" : type;
  if (type === undefined || name === undefined || name.startsWith("-"))
    throw usageFailure(`${DO_NOT_SAY[verb]} ${FORMS[verb]?.(known)}`);
  if (verb === "describe") return ["show", `${type}/${name}`];
  if (verb === "drop") return ["remove", `${type}/${name}`, "--yes", ...(wantsRestart(more) ? ["--restart"] : [])];
  if (verb === "register")
    throw usageFailure(`functions are named at the install: ${FORMS.create?.("functions")} --functions a,b`);
  return create(type, name, definitionOf(more, options));
}

const FORMS: Readonly<Record<string, (type: string) => string>> = {
  create: (type) => `kuiper-plugins install URL --type ${type} --name NAME`,
  describe: (type) => `kuiper-plugins show ${type}/NAME`,
  drop: (type) => `kuiper-plugins remove ${type}/NAME`,
  register: () => "kuiper-plugins install URL --type functions --name NAME --functions a,b",
};

const DO_NOT_SAY: Readonly<Record<string, string>> = {
  create: "it can't be told which plugin that would be; say",
  describe: "it can't be told which plugin that is; say",
  drop: "it can't be told which plugin that is; say",
  register: "functions are named at the install; say",
};

/** A plugin may be called `plugins`, and then nobody can tell. */
function show(kind: string, rest: readonly string[]): string[] {
  if (kind === "")
    throw usageFailure(
      "that may be two things; say kuiper-plugins list for all, or kuiper-plugins show TYPE/NAME for one",
    );
  const type = typeOf(kind);
  if (type === undefined || rest.length > 0)
    throw usageFailure("say kuiper-plugins list --type sources (or sinks, functions)");
  return ["list", "--type", type];
}

function create(type: string, name: string, definition: unknown): string[] {
  if (!isObject(definition) || typeof definition.file !== "string") {
    throw usageFailure(
      `the definition of ${quoted(name)} should be JSON with a "file"; or say ${FORMS.create?.(type)}`,
    );
  }
  const functions = stringsIn(definition.functions);
  return [
    "install",
    definition.file,
    ...["--type", type, "--name", name],
    ...(functions.length === 0 ? [] : ["--functions", functions.join(",")]),
    ...stringsIn(definition.shellParas).map((one) => `--script-arg=${one}`),
  ];
}

/** The JSON after the name, in as many arguments as the shell made of it, or in the file after `-f`. */
function definitionOf(rest: readonly string[], { readFile }: EngineWordsOptions): unknown {
  const [flag, file] = rest;
  return parsedJson(flag === "-f" || flag === "--file" ? readFile(file ?? "") : rest.join(" "));
}

function typeOf(kind: string): string | undefined {
  return Object.entries(TYPES).find((names) => names.includes(kind))?.[1];
}

/** `-r true`, `-r=true`; before it was called `-s`. */
function wantsRestart(rest: readonly string[]): boolean {
  const text = rest.join(" ");
  return /(^|\s)-{1,2}(r|restart|s|stop)([= ](true|1)|\s*$)/.test(text);
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

import type { Command } from "commander";
import type { PluginType } from "../../domain/plugin.ts";
import { readSmallFile, unreadReason } from "../../lib/small-file.ts";
import { quoted } from "../../lib/text.ts";
import { type ChangeRequest, makeChange } from "../changes/make-change.ts";
import { type PackageSource, resolveSource } from "../changes/package-source.ts";
import type { AddCommand, CommandContext } from "../command-context.ts";
import { usageFailure } from "../failure.ts";
import type { InstallFields } from "../server/plugin-form.ts";
import { collect, commaList, FORCE, RESTART, typeOption } from "./options.ts";

interface PackageOptions {
  readonly type?: PluginType;
  readonly name?: string;
  readonly functions?: readonly string[];
  readonly sha256?: string;
  readonly signature?: string;
  readonly statement?: string;
  readonly scriptArg?: readonly string[];
  readonly allowDowngrade?: boolean;
  readonly restart?: boolean;
  readonly force?: boolean;
}

/** `install` and `update`: the zip of a plugin, from an address, from this machine, or from the catalogue. */
export const addInstall: AddCommand = (program, context) => {
  packageCommand(program, "install", "install a plugin")
    .option(...RESTART)
    .action((source: string, options: PackageOptions) =>
      change(context, source, options, (path) => ({ path, method: "POST" })),
    );
  packageCommand(program, "update", "put another version into the place of an installed one")
    .option("--allow-downgrade", "also a lower version, where signatures are required")
    .option(...FORCE)
    .option(...RESTART)
    .action((source: string, options: PackageOptions) =>
      change(context, source, options, (path, name) => ({
        path: `${path}/${encodeURIComponent(name)}`,
        method: "PUT",
      })),
    );
};

function packageCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument(
      "<source>",
      "the URL of a zip (file: is a file of the server's), a zip of this machine's, or a name in the catalogue",
    )
    .addOption(typeOption("its type, where the zip does not tell"))
    .option("--name <name>", "its name, where the zip has several .so files")
    .option("--functions <names>", "the functions of a function plugin: a,b", commaList)
    .option("--sha256 <digest>", "the checksum that the zip at the URL must have")
    .option("--signature <file>", "a detached signature of the zip")
    .option("--statement <file>", "a signed statement of which plugin the zip is")
    .option("--script-arg <argument>", "an argument of install.sh; may be repeated", collect);
}

type Target = (path: string, name: string) => Pick<ChangeRequest, "path" | "method">;

async function change(context: CommandContext, argument: string, options: PackageOptions, target: Target) {
  const { connect, output } = context;
  await using client = await connect();
  const { name, restart, force, functions } = options;
  const type = options.type ?? (functions === undefined ? undefined : "functions"); // no other type has any
  const source = await resolveSource(client, argument, { type, name }, context);
  const fields = await fieldsOf(source, options);
  const { id } = source;
  output.note(`${id.type}/${id.name} from ${quoted(argument)}`);
  await makeChange(
    {
      ...target(`/plugins/${id.type}`, id.name),
      query: { restart, force },
      ...(source.kind === "url" ? { json: { ...fields, file: source.url } } : { zip: { file: source.file, fields } }),
    },
    { client, output },
  );
}

/** What a request has of the options; those that were not given are undefined, and not sent. */
async function fieldsOf({ id, kind }: PackageSource, options: PackageOptions): Promise<InstallFields> {
  const { functions, sha256, signature, statement, scriptArg: shellParas, allowDowngrade } = options;
  if (sha256 !== undefined && kind === "zip") {
    throw usageFailure("--sha256 is for a URL: of a zip of this machine's it is computed");
  }
  return {
    ...{ name: id.name, sha256, functions, shellParas, allowDowngrade },
    signature: signature === undefined ? undefined : await encoded("--signature", signature),
    statement: statement === undefined ? undefined : await encoded("--statement", statement),
  };
}

/** As the server's trust.maxStatementBytes; a signature is smaller. */
const MAX_PROOF_BYTES = 64 * 1024;
const BASE64 = /^[A-Za-z0-9+/=_\s-]+$/;

/** Base64 of a file, which may be base64 already. */
async function encoded(option: string, file: string): Promise<string> {
  try {
    const bytes = await readSmallFile(file, MAX_PROOF_BYTES);
    const text = bytes.toString("latin1");
    return BASE64.test(text) ? text.trim() : bytes.toString("base64");
  } catch (error) {
    throw usageFailure(`${option} ${quoted(file)} can't be read: ${unreadReason(error)}`);
  }
}

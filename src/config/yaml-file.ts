import { type Document, isScalar, visit } from "yaml";
import { readSmallFileSync, UnfitFile } from "../lib/small-file.ts";
import { decodeText, encodingOf } from "../lib/text-encoding.ts";
import { DeepYaml, parseYaml } from "../lib/yaml.ts";

/** Much more than all settings with comments. Reading it takes a multiple of it in memory. */
const MAX_YAML_BYTES = 1024 * 1024;

/** Why a file has no settings; the message is one line and follows the file's name. */
export class UnusableYaml extends Error {
  override readonly name = "UnusableYaml";
}

/**
 * What a YAML file has: undefined where it is missing, null where it says nothing. UTF-16, as a redirection in PowerShell
 * writes it, is read like UTF-8. Of several documents, only one may say anything.
 *
 * @throws UnusableYaml
 */
export function readYamlFile(file: string): unknown {
  const bytes = readBytes(file);
  if (bytes === undefined) return undefined;
  if (encodingOf(bytes).encoding === "UTF-32") {
    throw new UnusableYaml("is not valid YAML: it is UTF-32 text; save it as UTF-8");
  }
  const document = onlyDocument(decodeText(bytes));
  const [error] = document?.errors ?? [];
  if (error !== undefined) throw new UnusableYaml(`is not valid YAML: ${firstLine(error.message)}`);
  try {
    if (document === undefined) return null;
    keepNumbersAsWritten(document);
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new UnusableYaml(`is not valid YAML: ${firstLine((cause as Error).message)}`, { cause });
  }
}

function readBytes(file: string): Buffer | undefined {
  try {
    return readSmallFileSync(file, MAX_YAML_BYTES);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const { message } = cause as Error;
    throw new UnusableYaml(`can't be read: ${cause instanceof UnfitFile ? `it ${message}` : message}`, { cause });
  }
}

/** The document that says something, or the first. */
function onlyDocument(text: string): Document.Parsed | undefined {
  const documents = parse(text);
  const [first, second] = documents.filter((document) => document.errors.length > 0 || !isEmpty(document));
  if (second === undefined) return first ?? documents[0];
  const line = text.slice(0, second.range[0]).split("\n").length;
  throw new UnusableYaml(
    `is not valid YAML: Source contains multiple documents: put the settings of all into one, and remove the line --- (line ${line})`,
  );
}

function parse(text: string): readonly Document.Parsed[] {
  try {
    return parseYaml(text, { uniqueKeys: false });
  } catch (cause) {
    throw cause instanceof DeepYaml ? new UnusableYaml(cause.message, { cause }) : cause;
  }
}

function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

/** `version: 1.10` is meant as a string and would lose its last digit; `convert` makes numbers where required. */
function keepNumbersAsWritten(document: Document): void {
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === "number" && node.source !== String(node.value)) node.value = node.source;
    },
  });
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? message;
}

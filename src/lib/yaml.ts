import {
  type CST,
  type Document,
  type DocumentOptions,
  type ParseOptions,
  Parser,
  parseAllDocuments,
  type SchemaOptions,
} from "yaml";

/** No configuration has a tenth of it. */
const MAX_LEVELS = 100;

/** A file whose collections are in each other too deep; the message follows `it`. */
export class DeepYaml extends Error {
  override readonly name = "DeepYaml";

  constructor() {
    super(`has more than ${MAX_LEVELS} levels`);
  }
}

/**
 * The documents of a text. How deep it is is looked at first, without recursion: the parser would recurse to the end of the
 * stack, and a regular expression that V8 compiles there ends the process, which nothing can catch.
 *
 * @throws DeepYaml
 */
export function parseYaml(
  text: string,
  options: ParseOptions & DocumentOptions & SchemaOptions,
): readonly Document.Parsed[] {
  for (const token of new Parser().parse(text)) if (isDeep(token)) throw new DeepYaml();
  const documents = parseAllDocuments(text, options);
  return Array.isArray(documents) ? documents : [];
}

type Collection = CST.BlockMap | CST.BlockSequence | CST.FlowCollection;

function isDeep(token: CST.Token): boolean {
  let level = token.type === "document" ? collections([token.value]) : [];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === MAX_LEVELS) return true;
    level = level.flatMap(({ items }) => collections(items.flatMap(({ key, value }) => [key, value])));
  }
  return false;
}

function collections(tokens: readonly (CST.Token | null | undefined)[]): Collection[] {
  return tokens.filter((token) => token != null && "items" in token);
}

import { type TObject, Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import type { Config } from "../config/schema.ts";
import { ARGUMENTS_LIMIT, MAX_ARGUMENT_BYTES, MAX_ARGUMENTS } from "../domain/install-request.ts";
import { PLUGIN_TYPES } from "../domain/plugin.ts";
import { ZIP_TYPES } from "../incoming/body-kind.ts";
import type { Fields } from "../incoming/fields.ts";
import type { BodyDecoder, BodyRules } from "./body/decode-body.ts";
import { optionalFunctionList, optionalString, optionalUri } from "./schemas.ts";

const MAX_SIGNATURE_BYTES = 16 * 1024;
/** What base64 with line ends takes of a statement's bytes. */
const LETTERS_PER_BYTE = 1.5;

const stringLike = (pattern: string, maxLength: number, description: string) =>
  Type.Optional(Type.Union([Type.String({ pattern, maxLength }), Type.Null()], { description }));

/** NUL ends a string for the operating system: an argument with one can't be passed on. */
const Argument = Type.String({ pattern: "^[^\\0]*$", maxLength: MAX_ARGUMENT_BYTES });
const ArgumentList = Type.Array(Argument, { maxItems: MAX_ARGUMENTS });

type StatementLimit = Pick<Config["trust"], "maxStatementBytes">;

/** The body of a create, an update and an inspection. Other fields are ignored. */
export const installBodySchema = ({ maxStatementBytes }: StatementLimit) =>
  Type.Object(
    {
      name: optionalString,
      file: optionalUri,
      sha256: stringLike("^[0-9a-fA-F]{64}$", 64, "64 hexadecimal digits"),
      signature: stringLike(
        "^[A-Za-z0-9+/=_\\s-]+$",
        MAX_SIGNATURE_BYTES,
        `base64 of at most ${MAX_SIGNATURE_BYTES} letters`,
      ),
      statement: stringLike(
        "^[A-Za-z0-9+/=_\\s-]+$",
        maxStatementBytes * LETTERS_PER_BYTE,
        `base64 of at most ${maxStatementBytes * LETTERS_PER_BYTE} letters (trust.maxStatementBytes)`,
      ),
      allowDowngrade: Type.Optional(Type.Union([Type.Boolean(), Type.Null()], { description: "true or false" })),
      shellParas: Type.Optional(
        Type.Union([ArgumentList, Type.Null()], {
          description: "a list of strings without NUL characters",
          limit: ARGUMENTS_LIMIT,
        }),
      ),
      functions: optionalFunctionList,
    },
    { description: "name and file" },
  );

/** The same for an inspection of a plugin whose type nobody knows yet, where it may be said. */
export const inspectBodySchema = (limit: StatementLimit) =>
  Type.Object(
    {
      ...installBodySchema(limit).properties,
      type: Type.Optional(
        Type.Union([...PLUGIN_TYPES.map((type) => Type.Literal(type)), Type.Null()], {
          description: `one of ${PLUGIN_TYPES.join(", ")}`,
        }),
      ),
    },
    { description: "file" },
  );

/** How a request to install is read: as JSON of any content type, as a zip with the fields in the query, or as a form. */
export class InstallBodies<S extends TObject> {
  readonly schema: S;
  readonly #bodies: BodyDecoder;
  readonly #rules: BodyRules;

  constructor(bodies: BodyDecoder, limit: StatementLimit, schema: S) {
    this.schema = schema;
    this.#bodies = bodies;
    this.#rules = {
      schema: this.schema,
      lists: ["shellParas", "functions"],
      fileTypes: ZIP_TYPES,
      encodedFiles: {
        signature: { bytes: MAX_SIGNATURE_BYTES },
        statement: { bytes: limit.maxStatementBytes, setting: "trust.maxStatementBytes" },
      },
      normalize,
    };
  }

  /**
   * The preValidation hook of a route with `bodyAsStream`.
   *
   * @param admit refuses a zip that need not be received, see `FormRules`
   */
  decode(admit?: BodyRules["admit"]): (request: FastifyRequest) => Promise<void> {
    return this.#bodies.decode(admit === undefined ? this.#rules : { ...this.#rules, admit });
  }
}

function normalize(fields: Fields, from: "query" | "body"): Fields {
  const { sha256, allowDowngrade } = fields;
  return {
    ...fields,
    // Registries write a digest with its algorithm.
    ...(typeof sha256 === "string" ? { sha256: sha256.trim().replace(/^sha256:/i, "") } : {}),
    // A plus of base64 that was not percent-encoded is a space in a query.
    ...(from === "query" ? { ...withPlus(fields, "signature"), ...withPlus(fields, "statement") } : {}),
    // A form and a query have strings only.
    ...(allowDowngrade === "true" || allowDowngrade === "false" ? { allowDowngrade: allowDowngrade === "true" } : {}),
  };
}

function withPlus(fields: Fields, name: string): Fields {
  const value = fields[name];
  return typeof value === "string" ? { [name]: value.replaceAll(" ", "+") } : {};
}

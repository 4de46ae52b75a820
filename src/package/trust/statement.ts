import { PluginError } from "../../domain/errors.ts";
import { PACKAGE_TYPES, type PackageId, type PackageType } from "../../domain/plugin.ts";
import { type Members, membersOf } from "../../lib/objects.ts";
import { quoted } from "../../lib/text.ts";
import { type Envelope, malformed } from "./envelope.ts";

/** The type of a predicate that says which plugin a zip is: `{"type":"sources","name":"random","version":"1.2.0"}`. */
export const PREDICATE_TYPE = "urn:kuiper-plugin-server:plugin:v1";

const STATEMENT_TYPES: readonly unknown[] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/** Which plugin a signed statement says that a zip is. */
export interface StatedPlugin {
  readonly type: PackageType;
  readonly name: string;
  /** Without the leading `v`; absent where the statement leaves it open. */
  readonly version?: string;
}

/** What a statement has to be about. */
export interface StatedSubject {
  readonly id: PackageId;
  /** Of the zip, in lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * The first envelope that is about a plugin. Others may be beside it: provenance, a bill of materials.
 *
 * @throws PluginError SIGNATURE_INVALID for a payload that is no statement
 */
export function findPluginEnvelope(envelopes: readonly Envelope[]): Envelope | undefined {
  return envelopes.find(({ payload }) => parseStatement(payload).predicateType === PREDICATE_TYPE);
}

/**
 * Compares a statement with the zip and the request.
 *
 * @throws PluginError SIGNATURE_INVALID for a statement about another zip or another plugin, or a malformed one
 */
export function checkStatement(payload: Buffer, { id, sha256 }: StatedSubject): StatedPlugin {
  const { subject, predicate } = parseStatement(payload);
  const digests = (Array.isArray(subject) ? subject : []).map((one) => membersOf(membersOf(one).digest).sha256);
  if (!digests.some((digest) => typeof digest === "string" && digest.toLowerCase() === sha256)) {
    throw invalid(`the signed statement is about another zip: none of its subjects has the sha256 ${sha256}`);
  }
  const stated = readPredicate(predicate);
  if (stated.type !== id.type || stated.name !== id.name) {
    throw invalid(
      `the signed statement says that the zip is the plugin ${nameOf(stated)}, but the request is about ${nameOf(id)}; ` +
        "install the zip as the plugin that was signed",
    );
  }
  return stated;
}

/** @throws PluginError SIGNATURE_INVALID where a statement is about another version than the zip has */
export function checkStatedVersion(
  { version }: Pick<StatedPlugin, "version">,
  soFile: { version: string; fileName: string },
): void {
  if (version === undefined || version === soFile.version) return;
  const which = version === "" ? "a zip without a version" : `version ${quoted(version)}`;
  throw invalid(
    `the signed statement is about ${which}, but the zip has ${quoted(soFile.fileName)}; ` +
      "sign a statement with the version of the zip",
  );
}

function parseStatement(payload: Buffer): Members {
  let statement: Members;
  try {
    statement = membersOf(JSON.parse(payload.toString("utf8")));
  } catch {
    throw malformed("its payload is not JSON");
  }
  if (!STATEMENT_TYPES.includes(statement._type)) throw malformed("its payload is no in-toto statement v0.1 or v1");
  return statement;
}

const EXPECTED = 'its predicate should be like {"type":"sources","name":"random","version":"1.2.0"}';
const MAX_VERSION_LENGTH = 255;

function readPredicate(predicate: unknown): StatedPlugin {
  const { type: statedType, name, version } = membersOf(predicate);
  const type = PACKAGE_TYPES.find((known) => known === statedType);
  if (type === undefined || typeof name !== "string" || name.length > MAX_VERSION_LENGTH) throw malformed(EXPECTED);
  if (version === undefined || version === null) return { type, name };
  if (typeof version !== "string" || version.length > MAX_VERSION_LENGTH) throw malformed(EXPECTED);
  return { type, name, version: version.replace(/^v/, "") };
}

function nameOf({ type, name }: PackageId): string {
  return `${type}/${quoted(name)}`;
}

function invalid(message: string): PluginError {
  return new PluginError("SIGNATURE_INVALID", message);
}

import { PluginError } from "./errors.ts";
import { checkFunctionNames, checkPluginName, checkPortableName } from "./names.ts";
import type { PackageId, PluginId, PluginType } from "./plugin.ts";
import { checkPluginUri, type PluginUri, shownUri } from "./plugin-uri.ts";

/** A zip that a client sent, received as a whole. The change that uses it moves the file away. */
export interface ReceivedZip {
  /** Absolute, on the volume of the plugins. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** What the registry has as its origin: `upload`, or `upload of random.zip` where the client named the file. */
  readonly origin: string;
}

/** Where the zip of a plugin comes from. `origin` has no credentials: it is for replies, logs and the registry. */
export type PackageSource =
  | { readonly kind: "download"; readonly uri: PluginUri; readonly origin: string }
  | { readonly kind: "upload"; readonly zip: ReceivedZip; readonly origin: string };

/** A checked request for a package: the URI is a zip over http, https or file. */
export interface PackageRequest {
  readonly id: PackageId;
  readonly source: PackageSource;
  /** What the zip must be, in lower-case hexadecimal. */
  readonly sha256: string | undefined;
  /** A detached signature of the zip. */
  readonly signature: Buffer | undefined;
  /** A signed statement of which plugin the zip is. */
  readonly statement?: Buffer | undefined;
  /** Arguments of install.sh, each passed as one argument. */
  readonly shellParas: readonly string[];
  /** About what the request holds in memory while it waits. */
  readonly heldBytes: number;
}

/** A checked request to install: the name follows the name rule. */
export interface InstallRequest extends PackageRequest {
  readonly id: PluginId;
  /** Whether a lower version may replace the installed one, which matters where signatures are required. */
  readonly allowDowngrade?: boolean | undefined;
  /** Names of the functions that a function plugin exports; empty for the other types. */
  readonly functions: readonly string[];
}

/** A checked request to inspect: which plugin the zip is of may have to be found out. */
export interface InspectRequest extends Omit<InstallRequest, "id" | "allowDowngrade"> {
  readonly known: Partial<PluginId>;
}

/** The most arguments of install.sh, and how large each may be: Linux starts no program with a larger one. */
export const MAX_ARGUMENTS = 1000;
export const MAX_ARGUMENT_BYTES = 128 * 1024 - 1;
/** All of them together. Linux takes more or less, by the limit of the stack. */
const MAX_ARGUMENTS_BYTES = 256 * 1024;

export const ARGUMENTS_LIMIT = `at most ${MAX_ARGUMENTS} strings of at most ${MAX_ARGUMENT_BYTES} bytes, ${MAX_ARGUMENTS_BYTES} together`;

/** What a client sent: of the right types, but nothing in it has been checked. */
export interface InstallBody {
  readonly name?: string | null;
  readonly file?: string | null;
  /** Instead of `file`, which must be empty then. */
  readonly zip?: ReceivedZip | undefined;
  /** 64 hexadecimal digits, in either case. */
  readonly sha256?: string | null;
  /** Base64. */
  readonly signature?: string | null;
  /** Base64. */
  readonly statement?: string | null;
  readonly allowDowngrade?: boolean | null;
  readonly shellParas?: readonly string[] | null;
  readonly functions?: readonly string[] | null;
}

/** The same for an inspection. */
export interface InspectBody extends InstallBody {
  readonly type?: PluginType | null;
}

/**
 * Checks a request against the rules for names and addresses.
 *
 * @throws PluginError NAME_INVALID, URI_INVALID, BODY_INVALID (a function's name)
 */
export function checkInstallRequest(type: PluginType, body: InstallBody): InstallRequest {
  return {
    id: { type, name: checkPluginName(body.name) },
    ...checkPackage(body),
    allowDowngrade: body.allowDowngrade ?? undefined,
    functions: checkExportedFunctions(type, body.functions ?? []),
  };
}

/**
 * The same for an inspection, which finds out which plugin it is where the request does not say.
 *
 * @param type that the path names; with it, a name is needed too
 * @throws PluginError NAME_INVALID, URI_INVALID, BODY_INVALID
 */
export function checkInspectRequest(type: PluginType | undefined, body: InspectBody): InspectRequest {
  const functions = body.functions ?? [];
  const said = type ?? body.type ?? (functions.length > 0 ? "functions" : undefined); // only these have functions
  const name = type === undefined && !body.name?.trim() ? undefined : checkPluginName(body.name);
  return {
    known: { ...(said && { type: said }), ...(name && { name }) },
    ...checkPackage(body),
    functions: said === undefined ? [] : checkExportedFunctions(said, functions),
  };
}

/**
 * Checks a request for a portable plugin. Its name is a folder and a file name of the engine's, which has no rule for it.
 *
 * @throws PluginError NAME_INVALID, URI_INVALID, BODY_INVALID
 */
export function checkPortableRequest(body: InstallBody): PackageRequest {
  return { id: { type: "portables", name: checkPortableName(body.name) }, ...checkPackage(body) };
}

function checkPackage(body: InstallBody): Omit<PackageRequest, "id"> {
  return {
    source: checkSource(body),
    sha256: body.sha256?.toLowerCase(),
    signature: body.signature ? Buffer.from(body.signature, "base64") : undefined,
    statement: body.statement ? Buffer.from(body.statement, "base64") : undefined,
    shellParas: checkArguments(body.shellParas ?? []),
    heldBytes: bytesOf([
      body.file,
      body.signature,
      body.statement,
      ...(body.shellParas ?? []),
      ...(body.functions ?? []),
    ]),
  };
}

/**
 * The functions that a plugin is requested to have. Only function plugins have any; for the other types the field is
 * ignored, like an unknown one.
 *
 * @throws PluginError BODY_INVALID
 */
export function checkExportedFunctions(type: PluginType, names: readonly string[]): readonly string[] {
  return type === "functions" && names.length > 0 ? checkFunctionNames(names) : [];
}

/** @throws PluginError BODY_INVALID for what no program can be started with */
function checkArguments(shellParas: readonly string[]): readonly string[] {
  const bytes = shellParas.map((one) => Buffer.byteLength(one));
  const isTooLong = bytes.some((one) => one > MAX_ARGUMENT_BYTES);
  if (!isTooLong && bytes.length <= MAX_ARGUMENTS && sum(bytes) <= MAX_ARGUMENTS_BYTES) return shellParas;
  throw new PluginError("BODY_INVALID", `field shellParas should have ${ARGUMENTS_LIMIT}`);
}

/** What V8 takes for a string besides its characters, and for its place in an array. */
const STRING_BYTES = 32;

/** About what strings take in memory; characters of two bytes are counted for all of them. */
export function bytesOf(strings: readonly (string | null | undefined)[]): number {
  return sum(strings.map((one) => (one == null ? 0 : 2 * one.length + STRING_BYTES)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function checkSource({ file, zip }: InstallBody): PackageSource {
  if (zip !== undefined) {
    if (file) throw twoSources(file);
    return { kind: "upload", zip, origin: zip.origin };
  }
  const uri = checkPluginUri(file);
  return { kind: "download", uri, origin: uri.redacted };
}

function twoSources(file: string): PluginError {
  const redacted = shownUri(file);
  return new PluginError("URI_INVALID", `invalid uri ${redacted}: there is a zip and a file; send one of them`);
}

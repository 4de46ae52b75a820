import { type TProperties, type TSchema, Type } from "@sinclair/typebox";
import type { ErrorCode } from "../errors.ts";
import type { HeaderName } from "../headers.ts";

/** What a call answers with, by media type; a text is an example of it. */
type Content = Readonly<Record<string, TSchema | string>>;

export interface Reply {
  readonly about: string;
  /** Absent where the body is empty. */
  readonly content?: Content;
  /** Those that it may have. */
  readonly headers?: readonly HeaderName[];
}

/** What calls are about, in the order in which they are shown. */
export const TAGS = {
  Plugins: "What is installed: list, install, update, inspect, delete",
  Versions: "Earlier versions of a plugin, and the way back to one",
  Functions: "The functions that function plugins have",
  Catalogue: "What the plugin hosts offer",
  Jobs: "Changes that are in progress or have ended, with their events and logs",
  Uploads: "Zips that were sent to the server and can be installed",
  Engine: "The engine that the server stands in front of",
  "Portable plugins": "The engine's own portable plugins: checked here, then passed on to it",
  Server: "The server itself",
  Pages: "What people open in a browser, with all its files",
} as const;

/** A call of the API: what the routes' own schemas don't say. `:type` in its path stands for the three types. */
export interface Call {
  /** The name that generated clients give it. */
  readonly id: string;
  readonly tag: keyof typeof TAGS;
  readonly summary: string;
  /** Works without a token. */
  readonly isOpen?: true;
  /** Request headers, and what the parameters of the query are; the route names the latter. */
  readonly headers?: TProperties;
  readonly query?: TProperties;
  /** What the parameters of the path are, where `PATH_PARAMETERS` does not say it. */
  readonly path?: Readonly<Record<string, string>>;
  /** What the fields of the body mean; the route has their schema. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Those that a body has to have; all others may be absent or null. */
  readonly needs?: readonly string[];
  /** Which bodies it takes besides JSON: the zip itself with its fields in the query, and a form with the file in that field. */
  readonly file?: { readonly field: string; readonly types: readonly string[] };
  /** By status. */
  readonly replies: Readonly<Record<number, Reply>>;
  /** Besides the replies that are listed, the engine's own are passed back as they are. */
  readonly passesBack?: true;
  readonly errors: readonly ErrorCode[];
  /** Headers that its errors may have, once its change had begun. */
  readonly errorHeaders?: readonly HeaderName[];
}

/** By method and path: `GET /plugins/:type`. */
export type Calls = Readonly<Record<string, Call>>;

export function json(schema: TSchema, about: string, headers: readonly HeaderName[] = []): Reply {
  return { about, content: { "application/json": schema }, headers };
}

/** @param example what it says */
export function line(example: string, about: string, headers: readonly HeaderName[] = []): Reply {
  return { about, content: { "text/plain": example }, headers };
}

export function empty(about: string, headers: readonly HeaderName[] = []): Reply {
  return { about, headers };
}

/** `1`; any other value is as none. */
export function flag(description: string): TSchema {
  return Type.Optional(Type.Unsafe({ type: "string", description, examples: ["1"] }));
}

export const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  type: "The kind of plugin",
  name: "The name of the plugin",
  id: "The id of the job",
};

/** May happen to every request. */
export const ANY: readonly ErrorCode[] = [
  "REQUEST_INVALID",
  "CROSS_SITE_REFUSED",
  "ENGINE_UNREACHABLE",
  "INTERNAL",
  "TOO_BUSY",
];

/** The same to one that needs a token. */
export const ANY_WITH_TOKEN: readonly ErrorCode[] = [...ANY, "UNAUTHENTICATED", "FORBIDDEN"];

/** To a method that may have a body: it is read, whether it is asked for or not. */
export const UNUSED_BODY: readonly ErrorCode[] = ["BODY_TOO_LARGE", "REQUEST_TIMEOUT"];

export const BODY: readonly ErrorCode[] = [...UNUSED_BODY, "BODY_INVALID", "SHUTTING_DOWN"];

export const STORAGE: readonly ErrorCode[] = ["STORAGE_FAILED", "STORAGE_FULL"];

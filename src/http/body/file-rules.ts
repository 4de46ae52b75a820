import type { TObject } from "@sinclair/typebox";
import type { Config } from "../../config/schema.ts";
import type { Receiver } from "../../incoming/receiver.ts";
import type { UploadingSockets } from "./uploading-sockets.ts";

/** What programs announce a zip as. */
export const ZIP_TYPES: readonly string[] = ["application/zip", "application/x-zip-compressed", "application/x-zip"];

export type Fields = Readonly<Record<string, unknown>>;

/** What a route does with bodies that are or have a file. */
export interface BodyRules {
  /** The fields, whether they come as JSON, in a form or in the query. */
  readonly schema: TObject;
  /** The fields that are lists. */
  readonly lists?: readonly string[];
  /** Media types of a body that is the file itself. One that begins like a zip always is. */
  readonly fileTypes: readonly string[];
  /** Fields of a form that may be a file of their own, of at most so many bytes: its text, or base64 of its bytes. */
  readonly encodedFiles?: Readonly<Record<string, number>>;
  /** Whether the field `name` is the name of a form's file. */
  readonly namedByFile?: boolean;
  /** Words before what is wrong with a body that is no JSON. */
  readonly jsonPrefix?: string;
  /** Last repairs, before validation. */
  readonly tidy?: (fields: Fields, from: "query" | "body") => Fields;
  /** Refuses what need not be received, by the field `name` and by the bytes where they are announced. */
  readonly admit?: (name: string | undefined, bytes: number | undefined) => void | Promise<void>;
}

/** Where files go, and how much may come. */
export interface Receiving {
  readonly receiver: Receiver;
  readonly uploading: UploadingSockets;
  readonly http: Pick<Config["http"], "maxBodyBytes" | "requestTimeoutSeconds">;
  readonly uploads: Pick<Config["uploads"], "maxBytes">;
  /** Ends what is being received, with its reason. */
  readonly closing: AbortSignal;
}

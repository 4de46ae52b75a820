import type { Readable } from "node:stream";
import type { TObject } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import type { ReceivedZip } from "../../domain/install-request.ts";
import { UPLOAD, UPLOAD_OF } from "../../domain/origin.ts";
import type { HeldBody } from "../../incoming/body-memory.ts";
import { type Fields, fieldsOf } from "../../incoming/fields.ts";
import { type FormFile, readForm } from "../../incoming/form.ts";
import type { JsonLimits } from "../../incoming/json-shape.ts";
import type { Receiver } from "../../incoming/receiver.ts";
import { readWhole } from "../../incoming/streams.ts";
import { Deadline } from "../../lib/signals.ts";
import { cutAt, printable, quoted } from "../../lib/text.ts";
import type { UploadingSockets } from "../hooks/client-error.ts";
import { refuseInvalid } from "../schemas.ts";

/** What a route does with the fields and the file of a request. */
export interface FormRules {
  /** The fields, whether they come as JSON, in a form or in the query. */
  readonly schema: TObject;
  /** The fields that are lists. */
  readonly lists?: readonly string[];
  /** Fields that may come as a file of the form, of at most this many bytes: base64 as it is, or else its bytes. */
  readonly encodedFiles?: Readonly<Record<string, EncodedLimit>>;
  /** Whether the field `name` defaults to the name of the form's file. */
  readonly namedByFile?: boolean;
  /** Corrects fields before they are validated. */
  readonly normalize?: (fields: Fields, from: "query" | "body") => Fields;
  /** Refuses what need not be received, by the field `name` and by the bytes where they are announced. */
  readonly admit?: (name: string | undefined, bytes: number | undefined) => void | Promise<void>;
}

interface EncodedLimit {
  readonly bytes: number;
  /** What sets it, if anything does. */
  readonly setting?: string;
}

/** Where files go, and how much may come. */
export interface Receiving {
  readonly receiver: Receiver;
  readonly uploading: UploadingSockets;
  readonly http: Pick<Config["http"], "maxBodyBytes" | "requestTimeoutSeconds"> & JsonLimits;
  readonly uploads: Pick<Config["uploads"], "maxBytes">;
  /** Ends what is being received, with its reason. */
  readonly closing: AbortSignal;
}

/** How much of a file's name is in the registry. */
const MAX_NAME_KEPT = 200;

const BASE64 = /^[A-Za-z0-9+/=_\s-]+$/;

/**
 * Receives a form: its file, and its fields as JSON would have them. They are validated; after a failure the file is
 * gone.
 *
 * @throws PluginError
 */
export async function receiveForm(
  request: FastifyRequest,
  stream: Readable,
  rules: FormRules,
  { receiver, uploading, http, uploads, closing }: Receiving,
  held: HeldBody,
): Promise<{ readonly fields: Fields; readonly zip: ReceivedZip | undefined }> {
  const { schema, lists, encodedFiles = {}, namedByFile = false, normalize = (fields) => fields, admit } = rules;
  const list: [name: string, value: string][] = [];
  const fields = () => normalize(fieldsOf(list, schema, { lists, limits: http }), "body");
  // Without the time of its file, which has limits of its own.
  using time = new Deadline(closing, http.requestTimeoutSeconds * 1000, tooSlow);
  let endUploading = () => {};
  let file: FormFile | undefined;
  let zip: ReceivedZip | undefined;

  const receiveFile = async (next: FormFile) => {
    if (file !== undefined) throw twoFiles(file, next);
    file = next;
    if (namedByFile) list.push(["name", next.fileName]);
    const { name } = fields();
    if (typeof name === "string") await admit?.(name, undefined); // it may come after the file
    endUploading = uploading.add(request.raw.socket);
    time.pause();
    zip = await receiver.receive(next.content, { signal: time.signal, origin: originOf(next), log: request.log });
    time.restart();
  };

  try {
    await readForm(stream, {
      contentType: request.headers["content-type"] ?? "",
      maxFieldBytes: http.maxBodyBytes,
      maxBytes: uploads.maxBytes + http.maxBodyBytes,
      held,
      signal: time.signal,
      onField: (name, value) => list.push([name, value]),
      onFile: async (next) => {
        const limit = encodedFiles[next.field.toLowerCase()];
        if (limit === undefined) await receiveFile(next);
        else list.push([next.field, await readEncoded(next, limit)]);
      },
    });
    const received = fields();
    refuseInvalid(request, received);
    return { fields: received, zip };
  } catch (error) {
    if (zip !== undefined) await receiver.discard(zip);
    throw error;
  } finally {
    endUploading();
  }
}

function originOf({ fileName }: FormFile): string {
  return fileName === "" ? UPLOAD : UPLOAD_OF + printable(cutAt(fileName, MAX_NAME_KEPT));
}

/** A signature comes as its tool wrote it: cosign writes base64, openssl bytes. */
async function readEncoded({ field, content }: FormFile, limit: EncodedLimit): Promise<string> {
  const bytes = await readWhole(content, limit.bytes, () => {
    const allowed = `${limit.bytes} bytes${limit.setting === undefined ? "" : ` (${limit.setting})`}`;
    return new PluginError("UPLOAD_INVALID", `the file ${quoted(field)} of the form is larger than ${allowed}`);
  });
  const characters = bytes.toString("latin1");
  return BASE64.test(characters) ? characters : bytes.toString("base64");
}

function twoFiles(one: FormFile, other: FormFile): PluginError {
  const fields = [one, other].map(({ field }) => quoted(field));
  return new PluginError("UPLOAD_INVALID", `the form has two files (${fields.join(", ")}); send one`);
}

function tooSlow(): PluginError {
  return new PluginError("REQUEST_TIMEOUT", "the request took too long to arrive (http.requestTimeoutSeconds)");
}

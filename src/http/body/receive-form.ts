import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import type { ReceivedZip } from "../../domain/install-request.ts";
import { printable } from "../../lib/text.ts";
import type { BodyRules, Fields, Receiving } from "./file-rules.ts";
import { asObject } from "./form-fields.ts";
import { type FormFile, readForm } from "./multipart.ts";
import { Patience } from "./patience.ts";
import { readWhole } from "./read-whole.ts";
import { refuseInvalid } from "./refuse-invalid.ts";

const BASE64 = /^[A-Za-z0-9+/=_\s-]+$/;

/** How much of a file's name is shown. */
const MAX_SHOWN = 200;

/**
 * Receives a form: its file, and its fields as JSON would have them. They are validated; after a failure the file is
 * gone.
 *
 * @throws PluginError
 */
export async function receiveForm(
  request: FastifyRequest,
  stream: Readable,
  rules: BodyRules,
  { receiver, uploading, http, uploads, closing }: Receiving,
): Promise<{ readonly fields: Fields; readonly zip: ReceivedZip | undefined }> {
  const { schema, lists, encodedFiles = {}, namedByFile = false, tidy = (fields) => fields, admit } = rules;
  const list: [name: string, value: string][] = [];
  const fields = () => tidy(asObject(list, schema, lists), "body");
  const patience = new Patience(http.requestTimeoutSeconds, closing);
  let endUploading = () => {};
  let file: FormFile | undefined;
  let zip: ReceivedZip | undefined;

  const takeFile = async (given: FormFile) => {
    if (file !== undefined) throw twoFiles(file, given);
    file = given;
    if (namedByFile) list.push(["name", given.fileName]);
    const { name } = fields();
    if (typeof name === "string") await admit?.(name, undefined); // it may come after the file
    endUploading = uploading.add(request.raw.socket);
    patience.suspend();
    zip = await receiver.receive(given.content, { signal: patience.signal, origin: shown(given), log: request.log });
    patience.resume();
  };

  try {
    await readForm(stream, {
      contentType: request.headers["content-type"] ?? "",
      maxFieldBytes: http.maxBodyBytes,
      maxBytes: uploads.maxBytes + http.maxBodyBytes,
      signal: patience.signal,
      onField: (name, value) => list.push([name, value]),
      onFile: async (given) => {
        const limit = encodedFiles[given.field.toLowerCase()];
        if (limit === undefined) await takeFile(given);
        else list.push([given.field, await readEncoded(given, limit)]);
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
    patience.end();
  }
}

function shown({ fileName }: FormFile): string {
  return fileName === "" ? "upload" : `upload of ${printable(fileName.slice(0, MAX_SHOWN))}`;
}

/** A signature comes as its tool wrote it: cosign writes base64, openssl bytes. */
async function readEncoded({ field, content }: FormFile, limit: number): Promise<string> {
  const bytes = await readWhole(content, limit, () => {
    return new PluginError("UPLOAD_INVALID", `the file ${printable(field)} of the form is larger than ${limit} bytes`);
  });
  const text = bytes.toString("latin1");
  return BASE64.test(text) ? text : bytes.toString("base64");
}

function twoFiles(one: FormFile, other: FormFile): PluginError {
  const fields = [one, other].map(({ field }) => printable(field.slice(0, MAX_SHOWN)));
  return new PluginError("UPLOAD_INVALID", `the form has two files (${fields.join(", ")}); send one`);
}

import type { Readable } from "node:stream";
import type { BusboyInstance } from "@fastify/busboy";
import { PluginError } from "../domain/errors.ts";
import { BINARY_TYPE, ZIP_TYPES } from "./body-kind.ts";
import type { HeldBody } from "./body-memory.ts";
import { SmallPieces } from "./small-pieces.ts";
import { brokenOff } from "./streams.ts";

export interface FormFile {
  /** The name of its field; empty where it has none. */
  readonly field: string;
  /** As the client named it, without the folders that some clients put before it. */
  readonly fileName: string;
  readonly content: Readable;
}

interface FormOptions {
  readonly contentType: string;
  /** Of all fields together: `http.maxBodyBytes`. */
  readonly maxFieldBytes: number;
  /** Of the whole form: `uploads.maxBytes` and the fields. */
  readonly maxBytes: number;
  /** Counts what is kept in memory: all but the file's content. */
  readonly held: Pick<HeldBody, "add">;
  /** Ends the reading with its reason. */
  readonly signal: AbortSignal;
  readonly onField: (name: string, value: string) => void;
  /** Called for one file after the other. The form is read no further than the content of its file is. */
  readonly onFile: (file: FormFile) => Promise<void>;
}

/** A request has a handful of fields; far more than that is an attack. */
const LIMITS = { fields: 1000, files: 10, parts: 1010, headerPairs: 32, headerSize: 8 * 1024 };
const CHUNK_BYTES = 256 * 1024;
const FILE_TYPES: readonly string[] = [...ZIP_TYPES, BINARY_TYPE];

/**
 * Reads a form (`multipart/form-data`) as it arrives. After a failure the rest of `body` is unread, and every `onFile`
 * has ended.
 *
 * @throws PluginError UPLOAD_INVALID, BODY_TOO_LARGE, REQUEST_INVALID when it breaks off; what the callbacks throw
 */
export async function readForm(body: Readable, options: FormOptions): Promise<void> {
  const { maxFieldBytes, maxBytes, held, signal, onField, onFile } = options;
  const parser = await createParser(options);
  const files: { readonly content: Readable; readonly taken: Promise<void> }[] = [];
  let bytes = 0;
  let fieldBytes = 0;
  let outsideBytes = 0;
  const maxOutsideBytes = 2 * maxFieldBytes + CHUNK_BYTES; // the fields, their headers, and the beginning of a file
  let openFiles = 0;
  const pieces = new SmallPieces();
  let isOver = false;

  await new Promise<void>((resolve, reject) => {
    const end = (settle: () => void) => {
      isOver = true;
      body.unpipe(parser).off("data", onData).off("error", onBroken).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
      body.pause();
      settle();
    };
    const fail = (error: unknown) => {
      if (isOver) return;
      for (const { content } of files) content.destroy(error as Error);
      // Files that were being received are removed before the reply is sent.
      end(() => void Promise.allSettled(files.map(({ taken }) => taken)).then(() => reject(error)));
    };
    const refuse = (message: string) => () => fail(new PluginError("UPLOAD_INVALID", message));
    const onBroken = (cause?: unknown) => fail(brokenOff(cause));
    const onClose = () => {
      if (!body.readableEnded) onBroken();
    };
    const onAbort = () => fail(signal.reason);
    const onData = (chunk: Buffer) => {
      try {
        pieces.add(chunk);
      } catch (error) {
        fail(error);
      }
      bytes += chunk.length;
      if (bytes > maxBytes) fail(tooLarge(`the form is larger than ${maxBytes} bytes (uploads.maxBytes)`));
      if (isOver || openFiles > 0) return;
      outsideBytes += chunk.length;
      if (outsideBytes > maxOutsideBytes) {
        return fail(tooLarge(`the form has more than ${maxOutsideBytes} bytes besides its file (http.maxBodyBytes)`));
      }
      try {
        held.add(chunk.length); // of a field that is incomplete too
      } catch (error) {
        fail(error);
      }
    };

    parser.on("field", (name: string | undefined, value, _isNameCut, isValueCut) => {
      fieldBytes += Buffer.byteLength(value);
      if (isValueCut || fieldBytes > maxFieldBytes)
        return fail(tooLarge(`the form's fields are larger than ${maxFieldBytes} bytes (http.maxBodyBytes)`));
      onField(name ?? "", value);
    });
    parser.on("file", (field: string | undefined, content, fileName: string | undefined) => {
      content.on("error", () => {}); // its reader gets it too
      if (isOver) return;
      const taken = onFile({ field: field ?? "", fileName: baseName(fileName ?? ""), content });
      files.push({ content, taken });
      openFiles += 1;
      taken.then(() => {
        openFiles -= 1;
      }, fail);
    });
    parser.on("fieldsLimit", refuse(`the form has more than ${LIMITS.fields} fields`));
    parser.on("filesLimit", refuse(`the form has more than ${LIMITS.files} files`));
    parser.on("partsLimit", refuse(`the form has more than ${LIMITS.parts} parts`));
    parser.on("error", refuse("the form is not whole: it ends before its last boundary"));
    parser.on("finish", () => void Promise.all(files.map(({ taken }) => taken)).then(() => end(resolve), fail));

    body.on("error", onBroken).on("close", onClose).on("data", onData);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) return onAbort();
    if (body.destroyed) return onClose();
    body.pipe(parser);
  });
}

/** Loaded with the first form: most servers never get one. */
async function createParser({ contentType, maxFieldBytes }: FormOptions): Promise<BusboyInstance> {
  const {
    default: { Busboy },
  } = await import("@fastify/busboy");
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      preservePath: true,
      highWaterMark: CHUNK_BYTES,
      fileHwm: CHUNK_BYTES,
      limits: { ...LIMITS, fieldSize: maxFieldBytes },
      isPartAFile,
    });
  } catch (cause) {
    throw new PluginError("UPLOAD_INVALID", "the form's content type has no boundary", { cause });
  }
}

/** A file field for which no file was chosen comes with an empty name. */
function isPartAFile(_field: string | undefined, type: string | undefined, fileName: string | undefined): boolean {
  return fileName === undefined ? FILE_TYPES.includes(type ?? "") : fileName !== "";
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

function tooLarge(message: string): PluginError {
  return new PluginError("BODY_TOO_LARGE", message);
}

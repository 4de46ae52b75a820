import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { PluginError, prefixed } from "../../domain/errors.ts";
import type { ReceivedZip } from "../../domain/install-request.ts";
import { UPLOAD } from "../../domain/origin.ts";
import { isEnoughForKind, isForm, kindOf, mediaTypeOf } from "../../incoming/body-kind.ts";
import type { HeldBody } from "../../incoming/body-memory.ts";
import { type Fields, fieldsOf, queryFields } from "../../incoming/fields.ts";
import { peek } from "../../incoming/streams.ts";
import { isObject } from "../../lib/objects.ts";
import { refuseInvalid } from "../schemas.ts";
import { type FormRules, type Receiving, receiveForm } from "./receive-form.ts";
import { bufferBody } from "./request-body.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The file that came with the request. The handler hands it over, see `BodyDecoder`. */
    zip: ReceivedZip | undefined;
    /** Whether the body is a file or a form, so that the message of a refusal does not speak of JSON. */
    isFile: boolean;
  }
}

export interface BodyRules extends FormRules {
  /** Media types of a body that is the file itself. One that begins like a zip always is. */
  readonly fileTypes: readonly string[];
  /** Comes before the message about a body that is not JSON. */
  readonly jsonPrefix?: string;
  /** Whether the fields are what is to be stored: as large as the body, they count as that until they are. */
  readonly isContent?: boolean;
}

/** The fields of a request, and its file. */
type DecodedBody<B> = B & { readonly zip: ReceivedZip | undefined };

/** Decodes bodies: JSON, a file with its fields in the query, or a form that has both. */
export class BodyDecoder {
  readonly #options: Receiving;

  constructor(options: Receiving) {
    this.#options = options;
  }

  /** Fires when the server closes. */
  get closing(): AbortSignal {
    return this.#options.closing;
  }

  /**
   * A preValidation hook for a route with `bodyAsStream`: leaves the fields in `body` and the file in `zip`. Where there
   * is a file, its fields have been validated: the handler will run, and sees to the file.
   */
  decode(rules: BodyRules): (request: FastifyRequest) => Promise<void> {
    return async (request) => {
      const stream = request.body as Readable | undefined;
      if (stream === undefined) request.body = await parseJson(request, Buffer.alloc(0), rules);
      else await this.#decode(request, stream, rules);
      // What an install keeps of a body while it waits has bounds of its own.
      if (!rules.isContent) request.heldBody?.[Symbol.dispose]();
    };
  }

  /**
   * Hands over what came with a request. To be called at once in the handler; the work may be done later, and outlast
   * the request. When it has ended, a file that it did not move away is gone.
   */
  handOver<B extends object, A extends unknown[], T>(
    request: { readonly body: B; zip: ReceivedZip | undefined; heldBody: HeldBody | undefined },
    work: (body: DecodedBody<B>, ...rest: A) => Promise<T>,
  ): (...rest: A) => Promise<T> {
    const { body, zip, heldBody } = request;
    request.zip = undefined;
    request.heldBody = undefined;
    return async (...rest) => {
      try {
        return await work({ ...body, zip }, ...rest);
      } finally {
        heldBody?.[Symbol.dispose]();
        if (zip !== undefined) await this.#options.receiver.discard(zip);
      }
    };
  }

  async #decode(request: FastifyRequest, body: Readable, rules: BodyRules): Promise<void> {
    const { normalize = unchanged } = rules;
    const { http } = this.#options;
    const mediaType = mediaTypeOf(request.headers["content-type"]);
    const isFileType = rules.fileTypes.includes(mediaType ?? "");
    const fields = normalize(
      fieldsOf(queryFields(request.query), rules.schema, { lists: rules.lists, limits: http }),
      "query",
    );
    const isNamed = fields.name !== undefined;
    request.isFile = isForm(mediaType) || (isFileType && isNamed);
    // What is sure to be refused is refused before a client that waits for "100 Continue" is asked to send it.
    if (isFileType && isNamed) await this.#refuseEarly(request, fields, rules);
    if (isForm(mediaType)) this.#refuseTooLarge(request, http.maxBodyBytes);

    request.askForBody();
    const { head, stream } = await peek(body, isEnoughForKind);
    const kind = kindOf(head, { mediaType, isFileType, isNamed });
    request.isFile = kind !== "json";
    if (kind === "form") {
      const received = await receiveForm(request, stream, rules, this.#options, request.holdBody());
      request.body = received.fields;
      request.zip = received.zip;
    } else if (kind === "file") {
      if (!isFileType || !isNamed) await this.#refuseEarly(request, fields, rules);
      request.body = fields;
      request.zip = await this.#receive(request, stream);
    } else {
      request.body = await parseJson(request, await bufferBody(request, http.maxBodyBytes, stream), rules);
    }
  }

  async #refuseEarly(request: FastifyRequest, fields: Fields, { admit }: BodyRules): Promise<void> {
    refuseInvalid(request, fields);
    this.#refuseTooLarge(request, 0);
    await admit?.(typeof fields.name === "string" ? fields.name : undefined, announcedBytes(request));
  }

  /** @param extra the bytes that may come beside the file */
  #refuseTooLarge(request: FastifyRequest, extra: number): void {
    const bytes = announcedBytes(request) ?? 0;
    const { maxBytes } = this.#options.uploads;
    if (bytes <= maxBytes + extra) return;
    const reason = `the body has ${bytes} bytes, more than uploads.maxBytes (${maxBytes}) allows`;
    throw new PluginError("BODY_TOO_LARGE", reason);
  }

  async #receive(request: FastifyRequest, stream: Readable): Promise<ReceivedZip> {
    const { receiver, uploading, closing } = this.#options;
    const endUploading = uploading.add(request.raw.socket);
    try {
      return await receiver.receive(stream, { signal: closing, origin: UPLOAD, log: request.log });
    } finally {
      endUploading();
    }
  }
}

async function parseJson(
  request: FastifyRequest,
  body: Buffer,
  { schema, normalize = unchanged, jsonPrefix = "" }: BodyRules,
): Promise<unknown> {
  try {
    const value = await request.parseFields(body, schema);
    return isObject(value) ? normalize(value, "body") : value;
  } catch (error) {
    throw error instanceof PluginError ? prefixed(error, jsonPrefix) : error;
  }
}

function unchanged(fields: Fields): Fields {
  return fields;
}

function announcedBytes(request: FastifyRequest): number | undefined {
  const length = request.headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

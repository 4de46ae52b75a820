import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import { BINARY_TYPE, ZIP_TYPES } from "../../incoming/body-kind.ts";
import type { Uploads } from "../../incoming/uploads.ts";
import type { BodyDecoder } from "../body/decode-body.ts";
import { audited } from "../hooks/audit.ts";
import { bodyErrorPrefix, errorPrefix } from "../messages.ts";
import { NameParams, optionalString, optionalUri } from "../schemas.ts";
import { BASE64 } from "../validation.ts";

interface UploadRoutesOptions {
  readonly uploads: Uploads;
  readonly bodies: BodyDecoder;
}

const base64 = Type.Optional(Type.Union([Type.String({ format: BASE64 }), Type.Null()], { description: "base64" }));
const UploadBody = Type.Object(
  { name: optionalString, content: optionalString, base64, file: optionalUri },
  { description: "name and one of content, base64 and file" },
);

/** `/config/uploads` of a later engine: files that clients leave here for later. */
export const uploadRoutes: FastifyPluginAsyncTypebox<UploadRoutesOptions> = async (app, { uploads, bodies }) => {
  const url = "/config/uploads";

  app.get(url, { config: { errorPrefix: errorPrefix.listUploads } }, async () => uploads.list());

  app.post(
    url,
    {
      schema: { body: UploadBody },
      preValidation: bodies.decode({
        schema: UploadBody,
        fileTypes: [...ZIP_TYPES, BINARY_TYPE],
        namedByFile: true,
        isContent: true,
        jsonPrefix: bodyErrorPrefix.uploadJson,
        admit: (name, bytes) => uploads.admit(name, bytes),
      }),
      config: {
        bodyAsStream: true,
        errorPrefix: errorPrefix.upload,
        bodyErrorPrefix: bodyErrorPrefix.upload,
        audited: { action: "upload", about: "upload" },
      },
    },
    async (request, reply) => {
      const { log } = request;
      const put = bodies.handOver(request, (body) => uploads.put(body, { signal: bodies.closing, log }));
      return reply.code(201).send(await audited(request, put));
    },
  );

  app.delete(
    `${url}/:name`,
    {
      schema: { params: NameParams },
      config: { errorPrefix: errorPrefix.deleteUpload, audited: { action: "deleteUpload", about: "upload" } },
    },
    async (request) => {
      await audited(request, () => uploads.remove(request.params.name, request.log));
      return "ok";
    },
  );
};

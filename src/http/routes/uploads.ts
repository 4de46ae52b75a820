import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { Uploads } from "../../incoming/uploads.ts";
import { ZIP_TYPES } from "../body/file-rules.ts";
import type { IncomingBodies } from "../body/incoming-bodies.ts";
import { errorPrefix } from "../messages.ts";
import { NameParams, textField } from "../schemas.ts";

export interface UploadRoutesOptions {
  readonly uploads: Uploads;
  readonly bodies: IncomingBodies;
}

const base64 = Type.Optional(
  Type.Union([Type.String({ pattern: "^[A-Za-z0-9+/_\\s-]*={0,2}\\s*$" }), Type.Null()], { description: "base64" }),
);
const UploadBody = Type.Object(
  { name: textField, content: textField, base64, file: textField },
  { description: "name and one of content, base64 and file" },
);

/** `/config/uploads` of a later engine: files that clients leave here for later. */
export const uploadRoutes: FastifyPluginAsyncTypebox<UploadRoutesOptions> = async (app, { uploads, bodies }) => {
  const url = "/config/uploads";

  app.get(url, { config: { errorPrefix: () => errorPrefix.listUploads } }, async () => uploads.list());

  app.post(
    url,
    {
      schema: { body: UploadBody },
      preValidation: bodies.decode({
        schema: UploadBody,
        fileTypes: [...ZIP_TYPES, "application/octet-stream"],
        namedByFile: true,
        jsonPrefix: "Error decoding file json: ",
        admit: (name, bytes) => uploads.admit(name, bytes),
      }),
      config: { bodyAsStream: true, errorPrefix: () => errorPrefix.upload, bodyErrorPrefix: errorPrefix.uploadBody },
    },
    async (request, reply) => {
      const { log } = request;
      const put = bodies.handOver(request, (order) => uploads.put(order, { signal: bodies.closing, log }));
      return reply.code(201).send(await put());
    },
  );

  app.delete(
    `${url}/:name`,
    { schema: { params: NameParams }, config: { errorPrefix: () => errorPrefix.deleteUpload } },
    async (request) => {
      await uploads.remove(request.params.name, request.log);
      return "ok";
    },
  );
};

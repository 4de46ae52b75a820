import { type TObject, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { type Call, PATH_PARAMETERS } from "../../contract/calls/call.ts";
import { PluginType } from "../../contract/plugins.ts";
import type { CollectedRoute } from "./routes.ts";

/** What a request has, as Fastify and its swagger take it: from the route's schemas, with what the call says of them. */
export function describeRequest(route: CollectedRoute, call: Call) {
  const fields = route.schema.body === undefined ? undefined : bodyFields(route, call);
  const path = pathParameters(route, call);
  const query = { ...queryParameters(route, call), ...(call.file && fields && ofZip(fields, path)) };
  return {
    ...(path && { params: Type.Object(path) }),
    ...(Object.keys(query).length > 0 && { querystring: Type.Object(query) }),
    ...(call.headers && { headers: Type.Object(call.headers) }),
    ...(fields && { body: { content: bodies(fields, call) } }),
  };
}

function pathParameters({ url }: CollectedRoute, { path }: Call): TProperties | undefined {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
  if (names.length === 0) return undefined;
  const meanings = { ...PATH_PARAMETERS, ...path };
  const schemaOf = (name: string) =>
    name === "type" ? Type.Unsafe({ ...PluginType }) : Type.String({ description: meanings[name] ?? "" });
  return Object.fromEntries(names.map((name) => [name, schemaOf(name)]));
}

/** As the call has them, which says more than the route: that takes anything, and ignores or refuses it in words of its own. */
function queryParameters({ schema, ...route }: CollectedRoute, { query = {} }: Call): TProperties {
  const ours = Object.keys((schema.querystring as TObject | undefined)?.properties ?? {});
  return Object.fromEntries(ours.map((name) => [name, query[name] ?? missing(name, route)]));
}

function bodyFields({ schema, ...route }: CollectedRoute, { fields = {} }: Call): TProperties {
  return Object.fromEntries(
    Object.entries((schema.body as TObject).properties).map(([name, field]) => {
      return [name, { ...field, description: fields[name] ?? missing(name, route) } as TSchema];
    }),
  );
}

function missing(name: string, { method, url }: Pick<CollectedRoute, "method" | "url">): never {
  throw new Error(`the contract does not say what ${name} of ${method} ${url} is`);
}

/** Where a file comes from if it is not the body. */
const INSTEAD: readonly string[] = ["file", "content", "base64"];

/** The fields of a body that is the zip itself. A name that the path has is not asked for twice: clients would have to rename it. */
function ofZip(fields: TProperties, path: TProperties = {}): TProperties {
  const beside = Object.entries(fields).filter(([name]) => !INSTEAD.includes(name) && !Object.hasOwn(path, name));
  return Object.fromEntries(
    beside.map(([name, { description }]) => [
      name,
      Type.Optional(Type.String({ description: `${description} (where the body is the file itself)` })),
    ]),
  );
}

function bodies(fields: TProperties, { file, needs = [] }: Call): Record<string, { schema: TSchema }> {
  const body = { "application/json": { schema: objectOf(fields, needs) } };
  if (file === undefined) return body;
  const binary = (description: string) => Type.Unsafe({ type: "string", format: "binary", description });
  const form = { ...fields, [file.field]: binary("The file") };
  const formNeeds = [file.field, ...needs.filter((name) => !INSTEAD.includes(name))];
  return {
    ...body,
    ...Object.fromEntries(file.types.map((type) => [type, { schema: binary("The file itself") }])),
    "multipart/form-data": { schema: objectOf(form, formNeeds) },
  };
}

/** The routes let everything be absent or null, and refuse it in words of their own. */
function objectOf(fields: TProperties, needs: readonly string[]): TSchema {
  const properties = Object.entries(fields).map(([name, field]) => [name, needs.includes(name) ? given(field) : field]);
  return Type.Unsafe({
    type: "object",
    properties: Object.fromEntries(properties),
    ...(needs.length > 0 && { required: needs }),
  });
}

function given({ anyOf, ...field }: TSchema): TSchema {
  const present = (anyOf as readonly TSchema[] | undefined)?.find(({ type }) => type !== "null");
  return { ...present, ...field } as TSchema;
}

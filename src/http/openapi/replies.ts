import { Type } from "@sinclair/typebox";
import type { Call, Reply } from "../../contract/calls/call.ts";
import { ERROR_EXAMPLES } from "../../contract/error-examples.ts";
import { ErrorReply } from "../../contract/errors.ts";
import { HEADERS, type HeaderName } from "../../contract/headers.ts";
import { ERROR_STATUS, type ErrorCode } from "../../domain/errors.ts";
import { prefixFor, routePrefixes } from "../hooks/error-reply.ts";
import type { CollectedRoute } from "./routes.ts";

/** Those that errors of a status have. */
const OWN_HEADERS: Readonly<Record<number, readonly HeaderName[]>> = {
  401: ["www-authenticate"],
  403: ["www-authenticate"],
  503: ["retry-after"],
};

/** What a call can answer, by status, as Fastify and its swagger take it. */
export function describeReplies(route: CollectedRoute, call: Call): Record<string, unknown> {
  const replies: Record<string, unknown> = {};
  for (const [status, reply] of Object.entries(call.replies)) replies[status] = describeReply(reply);
  for (const [status, codes] of byStatus(call.errors)) replies[status] = describeErrors(route, call, codes);
  if (call.passesBack) replies.default = { description: "The engine's own answer", content: anyContent() };
  return replies;
}

function describeReply({ about, content, headers = [] }: Reply) {
  const common = { description: about, ...describeHeaders(headers) };
  if (content === undefined) return { ...common, type: "null" };
  const media = Object.entries(content).map(([type, schema]) => [
    type,
    typeof schema === "string" ? { schema: Type.String(), examples: { example: { value: schema } } } : { schema },
  ]);
  return { ...common, content: Object.fromEntries(media) };
}

function describeErrors({ config }: CollectedRoute, { errorHeaders = [] }: Call, codes: readonly ErrorCode[]) {
  const prefixes = routePrefixes(config, { name: "random", id: "5f0c" });
  const messages = codes.map((code) => [code, prefixFor(code, prefixes) + ERROR_EXAMPLES[code]] as const);
  const examples = (value: (code: ErrorCode, message: string) => unknown) =>
    Object.fromEntries(messages.map(([code, message]) => [code, { value: value(code, message) }]));
  const status = ERROR_STATUS[codes[0] as ErrorCode];
  return {
    description: codes.map((code) => `\`${code}\``).join(", "),
    ...describeHeaders(["x-request-id", ...(OWN_HEADERS[status] ?? []), ...errorHeaders]),
    content: {
      "application/json": {
        schema: { allOf: [ErrorReply, { properties: { error: { type: "string", enum: [...codes] } } }] },
        examples: examples((error, message) => ({ error, message })),
      },
      "text/plain": { schema: Type.String(), examples: examples((_, message) => `${message}\n`) },
    },
  };
}

function describeHeaders(names: readonly HeaderName[]) {
  if (names.length === 0) return {};
  const shown = names.map((name) => {
    const { description, example } = HEADERS[name];
    return [headerCase(name), { type: "string", description, examples: [example] }];
  });
  return { headers: Object.fromEntries(shown) };
}

function byStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const groups = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = ERROR_STATUS[code];
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}

function anyContent() {
  return { "application/json": { schema: {} }, "text/plain": { schema: Type.String() } };
}

/** As people write it: `X-Request-Id`, `WWW-Authenticate`. */
function headerCase(name: string): string {
  return name.replace(/^www|\b[a-z]/g, (letters) => letters.toUpperCase());
}

import type { FastifyReply } from "fastify";
import { serializeString, serializeToken, Token } from "structured-headers";
import type { Compatibility } from "../domain/compatibility.ts";
import type { PluginType } from "../domain/plugin.ts";
import { namedVersion } from "../domain/versions.ts";
import { cutAt, quoted } from "../lib/text.ts";
import type { ActivationOutcome } from "../plugins/activation.ts";

/** The messages that clients know, word for word. */
export const replyMessage = {
  created: (type: PluginType, name: string) => `${type} plugin ${name} is created`,
  /** As in a later engine, without the type. */
  updated: (name: string) => `plugin ${name} is updated and Kuiper must restart for the change to take effect.`,
  rolledBack: (name: string, version: string) => {
    return `plugin ${name} is rolled back to ${namedVersion(version, "the ")} and Kuiper must restart for the change to take effect.`;
  },
  registered: (name: string) => `function plugin ${name} function list is registered`,
  deleted: (type: PluginType, name: string) =>
    `${type} plugin ${name} is deleted and Kuiper must restart for the change to take effect.`,
  deletedAndStopping: (type: PluginType, name: string) =>
    `${type} plugin ${name} is deleted and Kuiper will be stopped`,
} as const;

/** Comes before the message of an error: the same for a whole route, or by the parameters in the request's path. */
export type ErrorPrefix = string | ((params: PathParams) => string);

/** Each route has those that its own prefix names. */
export interface PathParams {
  readonly name: string;
  readonly id: string;
}

const forPlugin =
  (verb: string, type: PluginType) =>
  ({ name }: PathParams) =>
    `${verb} ${type} plugin ${quoted(name)} error: `;

const forJob =
  (verb: string) =>
  ({ id }: PathParams) =>
    `${verb} job ${quoted(id)} error: `;

/** By the call that failed. */
export const errorPrefix = {
  create: (type: PluginType) => `${type} plugins create command error: `,
  describe: (type: PluginType) => forPlugin("describe", type),
  delete: (type: PluginType) => forPlugin("delete", type),
  update: (type: PluginType) => forPlugin("update", type),
  rollback: (type: PluginType) => forPlugin("rollback", type),
  inspect: (type?: PluginType) => `${type === undefined ? "" : `${type} `}plugins inspect command error: `,
  portable: (action: "install" | "update") =>
    `portables plugins ${action === "install" ? "create" : "update"} command error: `,
  prebuild: (type: PluginType) => `${type} plugins prebuild command error: `,
  list: "list plugins error: ",
  register: ({ name }: PathParams) => `register functions plugin ${quoted(name)} error: `,
  describeFunction: ({ name }: PathParams) => `describe function ${quoted(name)} error: `,
  listJobs: "list jobs error: ",
  describeJob: forJob("describe"),
  cancelJob: forJob("cancel"),
  restartEngine: "restart engine error: ",
  listUploads: "Error listing the uploaded files: ",
  upload: "Upload error: ",
  deleteUpload: "Error deleting the file: ",
} as const;

/** By the body that could not be used. */
export const bodyErrorPrefix = {
  plugin: (type?: PluginType) =>
    `Invalid body: Error decoding the ${type === undefined ? "" : `${type} `}plugin json: `,
  portable: "Invalid body: Error decoding the portables plugin json: ",
  functionList: "Invalid body: Error decoding the function list json: ",
  rollback: "Invalid body: Error decoding the rollback json: ",
  upload: "Invalid body: ",
  uploadJson: "Error decoding file json: ",
} as const;

/** Some proxies cut off or refuse longer header fields; describe has the whole message. */
const MAX_REASON_LENGTH = 500;

/**
 * `Plugin-Compatibility: incompatible; reason="…"`, a structured field (RFC 9651): what the engine will do with the
 * plugin, for clients that expect the original's body. No header where nothing was inspected.
 */
export function compatibilityHeader(compatibility: Compatibility | undefined): Record<string, string> {
  if (compatibility === undefined) return {};
  const { verdict, problems } = compatibility;
  const [first, ...others] = problems;
  const reason = first && reasonOf(first.message, others.length);
  return { "plugin-compatibility": withReason(verdict, reason) };
}

/**
 * The headers of a reply to a change. The engine reads its folder once, on startup, so a first install that was not handed to
 * it needs a restart of it as an update does, and the original's text does not say so.
 */
export function changeHeaders(
  compatibility: Compatibility | undefined,
  { state, reason }: ActivationOutcome = { state: "restart-required" },
): Record<string, string> {
  const why = reason === undefined ? undefined : reasonOf(reason, 0);
  return { "plugin-activation": withReason(state, why), ...compatibilityHeader(compatibility) };
}

/** Some proxies cut off or refuse longer header fields; describe has all rules. */
const MAX_USED_BY_LENGTH = 1000;

/**
 * `Plugin-Used-By: "rule1", "rule2"`, a structured field: the rules that use a plugin which was changed. Where there are
 * too many, the last has the number of the others: `"rule2";more=40`. No header where no rule is known to use it.
 */
export function usedByHeader(rules: readonly string[]): Record<string, string> {
  const items: string[] = [];
  let room = MAX_USED_BY_LENGTH;
  for (const rule of rules) {
    const item = serializeString(toAscii(cutAt(rule, MAX_REASON_LENGTH)));
    room -= item.length + 2;
    if (room < 0) break;
    items.push(item);
  }
  if (items.length === 0) return {};
  const more = rules.length - items.length;
  return { "plugin-used-by": items.join(", ") + (more === 0 ? "" : `;more=${more}`) };
}

/** An item of a structured field: `incompatible; reason="…"`. */
function withReason(token: string, reason: string | undefined): string {
  return serializeToken(new Token(token)) + (reason === undefined ? "" : `; reason=${serializeString(reason)}`);
}

/** A structured field takes printable ASCII only. */
function toAscii(text: string): string {
  return text.replace(/[^ -~]/gu, "?");
}

/** Sends the header with a reply. */
export function withCompatibility(reply: FastifyReply, compatibility: Compatibility | undefined): FastifyReply {
  return reply.headers(compatibilityHeader(compatibility));
}

function reasonOf(message: string, others: number): string {
  const more = others === 0 ? "" : ` (and ${others} more)`;
  const ascii = toAscii(message);
  const room = MAX_REASON_LENGTH - more.length;
  return (ascii.length > room ? `${ascii.slice(0, room - 3)}...` : ascii) + more;
}

import type { FastifyReply } from "fastify";
import { serializeString, serializeToken, Token } from "structured-headers";
import type { Compatibility } from "../domain/compatibility.ts";

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
  const reason = first === undefined ? "" : `; reason=${serializeString(reasonOf(first.message, others.length))}`;
  return { "plugin-compatibility": serializeToken(new Token(verdict)) + reason };
}

/** Sends the header with a reply. */
export function withCompatibility(reply: FastifyReply, compatibility: Compatibility | undefined): FastifyReply {
  return reply.headers(compatibilityHeader(compatibility));
}

/** A structured field takes printable ASCII only. */
function reasonOf(message: string, others: number): string {
  const more = others === 0 ? "" : ` (and ${others} more)`;
  const ascii = message.replace(/[^ -~]/gu, "?");
  const room = MAX_REASON_LENGTH - more.length;
  return (ascii.length > room ? `${ascii.slice(0, room - 3)}...` : ascii) + more;
}

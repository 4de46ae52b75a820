import { CommandFailure, Unreachable } from "../failure.ts";
import type { ServerAddress } from "./server-address.ts";

/** What is wrong between us and the server, and what to do, by the codes of Node and undici. */
const SENTENCES: Readonly<Record<string, (where: string) => string>> = {
  ECONNREFUSED: (where) => `no server listens at ${where}: start it, or name another address with --server`,
  ENOTFOUND: (where) => `there is no host of the name in ${where}: correct --server`,
  EAI_AGAIN: (where) => `the name in ${where} can't be looked up at the moment: is there a network?`,
  EHOSTUNREACH: (where) => `there is no way to ${where}: correct --server, or look at the network`,
  ENETUNREACH: (where) => `there is no way to ${where}: correct --server, or look at the network`,
  UND_ERR_CONNECT_TIMEOUT: (where) => `${where} does not answer: correct --server, or look at the network`,
  UND_ERR_HEADERS_TIMEOUT: (where) => `the server at ${where} takes too long to answer: try again, or set --timeout`,
  UND_ERR_BODY_TIMEOUT: (where) => `the server at ${where} stopped in the middle of its answer: try again`,
  UND_ERR_RES_EXCEEDED_MAX_SIZE: (where) => `the answer of ${where} is too large for a plugin server: correct --server`,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: (where) => `the server at ${where} broke its answer off: try again`,
};

const NOT_TRUSTED = (where: string, code: string) =>
  `the certificate of ${where} is not trusted (${code}): name the file of its authority with --ca`;

/** Of TLS: what OpenSSL says of a certificate. */
const CERTIFICATE = /CERT|ISSUER|SIGNED|LEAF_SIGNATURE/;

/** Our own failure for one of the network. What is none of these is returned as it is. */
export function transportFailure(error: unknown, { origin, prefix }: ServerAddress): unknown {
  const where = `${origin}${prefix}`;
  const code = codeOf(error) ?? parserCodeOf(error);
  if (code === undefined || error instanceof CommandFailure) return error;
  const sentence = SENTENCES[code];
  if (sentence !== undefined) return new Unreachable(sentence(where), error);
  if (CERTIFICATE.test(code)) return new Unreachable(NOT_TRUSTED(where, code), error);
  if (code.startsWith("HPE_") || code.startsWith("ERR_SSL_")) {
    const scheme = origin.startsWith("https:") ? "http" : "https";
    return new Unreachable(`what listens at ${where} does not speak this protocol: is it ${scheme}://?`, error);
  }
  return new Unreachable(`the connection to ${where} was lost (${code}): is the server still running?`, error);
}

/** undici's parser has no code for an answer that ends too early, such as a stream of events whose server was killed. */
function parserCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && error.name === "HTTPParserError")) return undefined;
  return error.message.includes("EOF") ? "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" : "HPE_INVALID";
}

/** Of an error, or of the first of several addresses that were tried. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}

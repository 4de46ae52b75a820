/** Why no page could be had, in a few words for a reply and the log. */

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection closed early",
  UND_ERR_SOCKET: "connection closed early",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "no answer of the name server",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "no answer while connecting",
  UND_ERR_CONNECT_TIMEOUT: "no answer while connecting",
  UND_ERR_HEADERS_OVERFLOW: "headers too large",
  Z_DATA_ERROR: "broken gzip",
  Z_BUF_ERROR: "broken gzip",
};

const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY|DECRYPT|DECODE)|ALTNAME/;

/** `undefined` for what is no failure of a network, a peer or a library: a mistake of ours, which has no code. */
export function failureReason(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "HTTPParserError") return "not an HTTP answer"; // undici gives it a code only now and then
  if (!("code" in error) || typeof error.code !== "string") return undefined;
  const { code } = error;
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (CERTIFICATE_CODE.test(code)) return `certificate not trusted (${code})`;
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") return "no HTTPS there";
  return `failed (${code})`;
}

import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import type { Log } from "../lib/log.ts";
import { withTimeLimit } from "../lib/signals.ts";
import { basicCredentials, connect, type Network } from "./connection.ts";
import { DownloadFailure, networkFailure } from "./failure.ts";
import { hostAndPort } from "./hosts.ts";

const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308];
const MAX_HEADER_BYTES = 32 * 1024;

export interface RequestRules extends Network {
  readonly idleTimeoutSeconds: number;
  readonly maxRedirects: number;
  readonly isAllowedHost: (url: URL) => boolean;
}

export interface RequestOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Asks for `url` and follows redirects. The reply's body is unread; whoever gets it must read or destroy it. Every
 * request has a connection of its own that ends with it, so nothing stays open between downloads.
 *
 * @throws DownloadFailure, or the signal's reason
 */
export async function get(start: URL, rules: RequestRules, options: RequestOptions): Promise<IncomingMessage> {
  let url = start;
  let authorization = basicCredentials(start);
  for (let redirects = 0; ; redirects++) {
    if (!rules.isAllowedHost(url)) {
      throw new DownloadFailure(`the host ${hostAndPort(url)} is not in pluginDownload.allowedHosts`);
    }
    const response = await send(url, authorization, rules, options);
    if (!REDIRECTS.includes(response.statusCode)) return response;
    discard(response);
    if (redirects >= rules.maxRedirects) {
      throw new DownloadFailure(`stopped after ${rules.maxRedirects} redirects`);
    }
    const next = redirectTarget(response, url);
    if (url.protocol === "https:" && next.protocol === "http:") {
      options.log.warn(
        { from: hostAndPort(url), to: hostAndPort(next) },
        "the download is redirected from https to http",
      );
    }
    // A password is for the origin that it was given for; what another one is sent is what its own URL has.
    authorization = basicCredentials(next) ?? (next.origin === url.origin ? authorization : undefined);
    url = next;
  }
}

/** Ends the connection of a reply whose body is not wanted, or was read. */
export function discard(response: IncomingMessage): void {
  response.destroy();
  response.socket.destroy(); // when the body was read to its end, the line above does nothing
}

function redirectTarget(response: IncomingMessage, from: URL): URL {
  const { location } = response.headers;
  if (location === undefined) throw new DownloadFailure(`${response.statusCode} response missing Location header`);
  const text = Buffer.from(location, "latin1").toString("utf8");
  // No cause: the error would quote the address, and with it what is secret in it.
  if (!URL.canParse(text, from.href)) throw new DownloadFailure("failed to parse the Location header of a redirect");
  const url = new URL(text, from);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new DownloadFailure(
      `redirect refused: unsupported protocol scheme "${url.protocol.slice(0, -1).slice(0, 20)}"`,
    );
  }
  return url;
}

async function send(
  url: URL,
  authorization: string | undefined,
  rules: RequestRules,
  { headers, signal }: RequestOptions,
): Promise<IncomingMessage> {
  const { stream, forwardedBy } = await connect(url, rules, signal);
  const proxyCredentials = forwardedBy && basicCredentials(forwardedBy);
  const path = url.pathname + url.search;
  const stop = () => stream.destroy(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", stop));

  const tooQuiet = () => silence(rules.idleTimeoutSeconds);
  try {
    return await withTimeLimit(signal, rules.idleTimeoutSeconds * 1000, tooQuiet, async (limited) => {
      const request = http.request({
        createConnection: () => stream,
        path: forwardedBy === undefined ? path : `http://${url.host}${path}`,
        setHost: false,
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          host: url.host,
          "user-agent": "kuiper-plugin-server",
          accept: "*/*",
          "accept-encoding": "identity",
          ...headers,
          ...(authorization !== undefined && { authorization }),
          ...(proxyCredentials !== undefined && { "proxy-authorization": proxyCredentials }),
        },
      });
      request.on("error", () => {});
      request.end();
      try {
        const [response] = (await once(request, "response", { signal: limited })) as [IncomingMessage];
        return response;
      } catch (error) {
        throw limited.aborted ? limited.reason : networkFailure(error, hostAndPort(forwardedBy ?? url));
      }
    });
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

export function silence(seconds: number): DownloadFailure {
  return new DownloadFailure(`the host sent nothing for ${seconds} s (pluginDownload.idleTimeoutSeconds)`, {
    retry: true,
  });
}

import { once } from "node:events";
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Config } from "../config/schema.ts";
import type { Log } from "../lib/log.ts";
import { Deadline } from "../lib/signals.ts";
import { parseUrl } from "../lib/url.ts";
import { basicCredentials, connect, type Network } from "./connection.ts";
import { CookieJar } from "./cookies.ts";
import { FetchFailure, idleFailure, networkFailure, ofProxy } from "./failure.ts";
import { createHostRule, hostAndPort } from "./hosts.ts";
import { createProxyRule, type ProxySettings } from "./proxy.ts";
import { Reply } from "./reply.ts";
import { mendReplyHead } from "./reply-head.ts";
import { createTlsAuthorities } from "./tls.ts";

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_HEADER_BYTES = 32 * 1024;
/** Replies such as 100 and 103 before the reply itself. */
const MAX_INTERIM_REPLIES = 16;

interface ClientOptions {
  readonly config: Config["pluginDownload"];
  readonly proxy: ProxySettings;
  /** Where a relative `pluginDownload.ca` starts. */
  readonly baseFolder: string;
}

interface GetOptions {
  /** Ends the request, and the connection of its reply as long as that is open. */
  readonly signal: AbortSignal;
  readonly log: Pick<Log, "warn">;
  /** Besides, or instead of, the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of `pluginDownload.maxRedirects`. */
  readonly maxRedirects?: number;
}

interface Credentials {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

/**
 * The one HTTP client for all that is fetched: zips, signatures and the pages of plugin hosts. The settings of
 * `pluginDownload` hold for each of them: `allowedHosts`, `ca`, `verifyTls`, redirects, the time to connect and the
 * longest silence.
 */
export interface Client {
  /**
   * Sends a GET and follows redirects. User and password of a URL, also of a redirect's, are sent to its own origin
   * only. The caller must read or discard the reply. Every request has a connection of its own that ends with it, so
   * nothing stays open between requests.
   *
   * @throws FetchFailure, also for a host that `pluginDownload.allowedHosts` does not allow; the signal's reason
   */
  get(url: URL, options: GetOptions): Promise<Reply>;
}

/**
 * Built on node:http rather than on undici: undici 7 ends the whole process when a host resets a connection at a
 * moment at which its body is not being read (nodejs/undici#5360, fixed only in undici 8, which needs Node 22).
 */
export function createClient({ config, proxy, baseFolder }: ClientOptions): Client {
  const { idleTimeoutSeconds } = config;
  const isAllowedHost = createHostRule(config.allowedHosts);
  const network: Network = {
    connectTimeoutSeconds: config.connectTimeoutSeconds,
    verifyTls: config.verifyTls,
    proxyFor: createProxyRule(proxy),
    authorities: createTlsAuthorities(config.ca, baseFolder),
  };

  async function get(start: URL, options: GetOptions): Promise<Reply> {
    const { log, maxRedirects = config.maxRedirects } = options;
    let url = start;
    let authorization = basicCredentials(start);
    const cookies = new CookieJar();
    for (let redirects = 0; ; redirects++) {
      if (!isAllowedHost(url)) {
        throw new FetchFailure(`the host ${hostAndPort(url)} is not in pluginDownload.allowedHosts`);
      }
      const reply = new Reply(
        url,
        await send(url, { authorization, cookie: cookies.headerFor(url) }, options),
        idleTimeoutSeconds,
      );
      if (!REDIRECTS.includes(reply.status)) return reply;
      reply.discard();
      if (redirects >= maxRedirects) {
        throw new FetchFailure(`stopped after ${maxRedirects} redirects`, { answered: true });
      }
      cookies.add(url, reply.headers["set-cookie"]);
      const next = redirectTarget(reply);
      if (url.protocol === "https:" && next.protocol === "http:") {
        log.warn({ from: hostAndPort(url), to: hostAndPort(next) }, "the download is redirected from https to http");
      }
      // A password is only for the origin that it was given for; another origin gets what its own URL has.
      authorization = basicCredentials(next) ?? (next.origin === url.origin ? authorization : undefined);
      url = next;
    }
  }

  async function send(
    url: URL,
    { authorization, cookie }: Credentials,
    { headers, signal }: GetOptions,
  ): Promise<IncomingMessage> {
    const { stream, forwardedBy } = await connect(url, network, signal);
    const proxyCredentials = forwardedBy && basicCredentials(forwardedBy);
    mendReplyHead(stream, MAX_HEADER_BYTES);
    const path = url.pathname + url.search;
    const stop = () => stream.destroy(new FetchFailure("the request was cancelled", { cause: signal.reason }));
    signal.addEventListener("abort", stop, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", stop));

    try {
      using deadline = new Deadline(signal, idleTimeoutSeconds * 1000, () => idleFailure(idleTimeoutSeconds));
      const request = http.request({
        createConnection: () => stream,
        path: forwardedBy === undefined ? path : `http://${url.host}${path}`,
        setHost: false,
        // What proxies and old servers get wrong. Safe here: each connection carries one reply, so there is no next one
        // that a wrong reading of this one could smuggle in.
        insecureHTTPParser: true,
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          host: url.host,
          "user-agent": "kuiper-plugin-server",
          accept: "*/*",
          "accept-encoding": "identity",
          ...headers,
          ...(authorization !== undefined && { authorization }),
          ...(cookie !== undefined && { cookie }),
          ...(proxyCredentials !== undefined && { "proxy-authorization": proxyCredentials }),
        },
      });
      request.on("error", () => {});
      endWithoutReply(request, stream, hostAndPort(url));
      request.end();
      const replied = once(request, "response", { signal: deadline.signal }) as Promise<[IncomingMessage]>;
      const [response] = await replied.catch((error) => {
        if (deadline.signal.aborted) throw deadline.signal.reason;
        const failure = networkFailure(error, hostAndPort(forwardedBy ?? url));
        throw forwardedBy === undefined ? failure : ofProxy(failure);
      });
      return response;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  return { get };
}

/** Ends a request whose host never comes to the reply: interim replies without end, or another protocol. */
function endWithoutReply(request: ClientRequest, stream: Duplex, host: string): void {
  let interim = 0;
  request.on("information", ({ statusCode }) => {
    interim += 1;
    if (interim <= MAX_INTERIM_REPLIES) return;
    stream.destroy(new FetchFailure(`${host} sends one interim reply after the other (${statusCode})`));
  });
  request.on("upgrade", ({ statusCode }) => {
    stream.destroy();
    request.emit("error", new FetchFailure(`${host} answered ${statusCode}: it wants another protocol than HTTP`));
  });
}

function redirectTarget({ headers, status, url: from }: Reply): URL {
  if (headers.location === undefined) {
    throw new FetchFailure(`${status} response missing Location header`, { answered: true });
  }
  const location = Buffer.from(headers.location, "latin1").toString("utf8");
  const target = parseUrl(location, from);
  if (target === undefined) {
    // No cause: the error would quote the address, and with it what is secret in it.
    throw new FetchFailure("failed to parse the Location header of a redirect", { answered: true });
  }
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    const scheme = target.protocol.slice(0, -1).slice(0, 20);
    throw new FetchFailure(`redirect refused: unsupported protocol scheme "${scheme}"`, { answered: true });
  }
  return target;
}

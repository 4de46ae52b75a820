import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import net, { isIP, type OnReadOpts, type Socket } from "node:net";
import { unescape as percentDecoded } from "node:querystring";
import type { Duplex } from "node:stream";
import tls, { type SecureContext, TLSSocket } from "node:tls";
import { Deadline } from "../lib/signals.ts";
import { FetchFailure, networkFailure, ofProxy } from "./failure.ts";
import { hostAndPort, portOf } from "./hosts.ts";
import type { ProxyRule } from "./proxy.ts";
import { type TlsAuthorities, tlsFailure } from "./tls.ts";
import { Wire } from "./wire.ts";

export interface Network {
  readonly connectTimeoutSeconds: number;
  readonly verifyTls: boolean;
  readonly authorities: TlsAuthorities;
  readonly proxyFor: ProxyRule;
}

interface Connection {
  readonly stream: Duplex;
  /** Set when the request itself is the proxy's to forward: plain http. */
  readonly forwardedBy: URL | undefined;
}

/**
 * Connects to the host of `url`, through its proxy if it has one; for https the stream is the encrypted one. Name
 * lookup, proxy and handshake together have the time of `connectTimeoutSeconds`.
 *
 * @throws FetchFailure, or the signal's reason
 */
export async function connect(url: URL, network: Network, signal: AbortSignal): Promise<Connection> {
  const proxy = network.proxyFor(url);
  const seconds = network.connectTimeoutSeconds;
  const tooSlow = () =>
    new FetchFailure(
      `dial tcp ${hostAndPort(proxy ?? url)}: no connection after ${seconds} s (pluginDownload.connectTimeoutSeconds)`,
      { brief: "no answer while connecting", retry: true },
    );
  using deadline = new Deadline(signal, seconds * 1000, tooSlow);
  const encrypts = url.protocol === "https:" || proxy?.protocol === "https:";
  const secureContext = encrypts && network.verifyTls ? await network.authorities() : undefined;
  const options: DialOptions = { verify: network.verifyTls, secureContext, signal: deadline.signal };
  if (proxy === undefined) {
    const stream = url.protocol === "http:" ? await openWire(url, options) : await openSocket(url, options);
    return { stream, forwardedBy: undefined };
  }
  const socket = await openSocket(proxy, options).catch((error) => {
    throw ofProxy(error);
  });
  if (url.protocol === "http:") return { stream: socket, forwardedBy: proxy };
  await openTunnel(socket, url, proxy, deadline.signal);
  return { stream: await openSocket(url, options, socket), forwardedBy: undefined };
}

/**
 * The value of an (Proxy-)Authorization header for the credentials in `url`, or undefined when it has none.
 * `querystring` decodes leniently: people write a password's `%` into a URL as it is.
 */
export function basicCredentials(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  return `Basic ${Buffer.from(`${percentDecoded(url.username)}:${percentDecoded(url.password)}`).toString("base64")}`;
}

interface DialOptions {
  readonly verify: boolean;
  readonly secureContext: SecureContext | undefined;
  readonly signal: AbortSignal;
}

async function openWire(url: URL, options: DialOptions): Promise<Wire> {
  let opening: Promise<Socket> | undefined;
  const wire = new Wire((onread) => {
    const socket = dial(url, options, { onread });
    opening = connected(socket, url, options.signal);
    return socket;
  });
  await opening;
  return wire;
}

/** @param over an open tunnel to the host, for TLS inside of it */
async function openSocket(url: URL, options: DialOptions, over?: Socket): Promise<Socket> {
  const socket = dial(url, options, over === undefined ? {} : { socket: over });
  if (over !== undefined) socket.once("close", () => over.destroy());
  return await connected(socket, url, options.signal);
}

function dial(
  url: URL,
  { verify, secureContext }: DialOptions,
  options: { readonly socket?: Socket; readonly onread?: OnReadOpts },
): Socket {
  // IPv6 addresses have brackets in URLs only.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const address = { host, port: portOf(url), ...options };
  if (url.protocol === "http:") return net.connect(address);
  return tls.connect({
    ...address,
    ...(isIP(host) === 0 && { servername: host }),
    ...(secureContext !== undefined && { secureContext }),
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: verify,
  });
}

async function connected(socket: Socket, url: URL, signal: AbortSignal): Promise<Socket> {
  socket.on("error", () => {}); // the first error is the one that is reported; a later one must not end the process
  socket.setNoDelay(true);
  try {
    await once(socket, url.protocol === "https:" ? "secureConnect" : "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw signal.reason;
    throw socket instanceof TLSSocket
      ? tlsFailure(error, socket, hostAndPort(url))
      : networkFailure(error, hostAndPort(url));
  }
}

/** Asks the proxy to pass on what follows unread. */
async function openTunnel(socket: Socket, url: URL, proxy: URL, signal: AbortSignal): Promise<void> {
  const authority = hostAndPort(url);
  const credentials = basicCredentials(proxy);
  const request = http.request({
    createConnection: () => socket,
    method: "CONNECT",
    path: authority,
    setHost: false,
    headers: { host: authority, ...(credentials !== undefined && { "proxy-authorization": credentials }) },
  });
  request.on("error", () => {});
  request.end();
  try {
    const [response, , head] = (await once(request, "connect", { signal })) as [IncomingMessage, Socket, Buffer];
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      throw new FetchFailure(`the proxy ${hostAndPort(proxy)} answered ${status} ${http.STATUS_CODES[status] ?? ""}`, {
        retry: status >= 502 && status <= 504,
      });
    }
    if (head.length > 0) socket.unshift(head);
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : ofProxy(networkFailure(error, hostAndPort(proxy)));
  }
}

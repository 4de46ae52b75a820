import { tokenIn } from "../../domain/token-text.ts";
import { readSmallFile, unreadReason } from "../../lib/small-file.ts";
import { quoted } from "../../lib/text.ts";
import { decodeText } from "../../lib/text-encoding.ts";
import { parseUrl } from "../../lib/url.ts";
import { usageFailure } from "../failure.ts";

/** What the options and their environment variables say of the server. */
export interface ServerOptions {
  readonly server: string;
  /** A file that has the token, which is never an argument: every user of a machine can list arguments. */
  readonly tokenFile?: string;
  /** A file with the certificates of the authority that issued the server's. */
  readonly ca?: string;
  /** Seconds. */
  readonly timeout: number;
}

/** Where the server is, and what it takes to be let in. */
export interface ServerAddress {
  /** `http://127.0.0.1:9081` */
  readonly origin: string;
  /** Before each path; empty, or `/kuiper` for a server behind a proxy. */
  readonly prefix: string;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  /** How long it may take to connect, and then to answer. */
  readonly timeoutMs: number;
}

const MAX_TOKEN_BYTES = 16 * 1024; // the server takes no more in a head
const MAX_CA_BYTES = 1024 * 1024; // as the server's own certificates

/** @throws CommandFailure for an address or a file that can't be used */
export async function resolveAddress({ server, tokenFile, ca, timeout }: ServerOptions): Promise<ServerAddress> {
  const { origin, pathname } = checkedUrl(server);
  return {
    origin,
    prefix: pathname.replace(/\/$/, ""),
    token: tokenFile ? checkedToken(await readText("--token-file", tokenFile, MAX_TOKEN_BYTES), tokenFile) : undefined,
    ca: ca ? await readText("--ca", ca, MAX_CA_BYTES) : undefined,
    timeoutMs: timeout * 1000,
  };
}

function checkedUrl(server: string): URL {
  const address = /^[a-z]+:\/\//i.test(server) ? server : `http://${server}`;
  const url = /^https?:/i.test(address) ? parseUrl(address) : undefined;
  if (url === undefined) {
    throw usageFailure(`--server is ${quoted(server)}; it should be an address such as http://127.0.0.1:9081`);
  }
  if (url.username !== "" || url.password !== "") {
    throw usageFailure("--server should have no user and password in it: a token is read from --token-file");
  }
  return url;
}

function checkedToken(text: string, file: string): string {
  const token = tokenIn(text);
  if (/^[\w.~+/=-]+$/.test(token)) return token;
  const what = token === "" ? "is empty" : "has something else than a token in it";
  throw usageFailure(`--token-file ${quoted(file)} ${what}; kuiper-plugins token makes one`);
}

async function readText(option: string, file: string, maxBytes: number): Promise<string> {
  try {
    return decodeText(await readSmallFile(file, maxBytes));
  } catch (error) {
    throw usageFailure(`${option} ${quoted(file)} can't be read: ${unreadReason(error)}`);
  }
}

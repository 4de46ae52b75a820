import { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import tls, { type SecureContext, type TLSSocket } from "node:tls";
import { hasCode } from "../lib/errors.ts";
import { readSmallFile, unreadReason } from "../lib/small-file.ts";
import { quoted } from "../lib/text.ts";
import { decodeText } from "../lib/text-encoding.ts";
import { FetchFailure, networkFailure } from "./failure.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** All the authorities of a system are a quarter of a megabyte. */
const MAX_CA_BYTES = 4 * 1024 * 1024;

/** What TLS connections trust; undefined stands for Node's own defaults. */
export type TlsAuthorities = () => Promise<SecureContext | undefined>;

/**
 * The authorities to trust: the default ones, and those in the PEM file `ca` (none if it is empty). The file is read
 * again for every connection, so that it can be renewed without a restart; the costly context is kept while it is
 * unchanged.
 *
 * @returns a function that throws FetchFailure when the file can't be used
 */
export function createTlsAuthorities(ca: string, baseFolder: string): TlsAuthorities {
  if (ca === "") return async () => undefined;
  let known: { pem: string; context: SecureContext } | undefined;
  return async () => {
    const pem = await readAuthorities(resolve(baseFolder, ca));
    if (known?.pem !== pem) known = { pem, context: tls.createSecureContext({ ca: [...defaultRoots(), pem] }) };
    return known.context;
  };
}

/** The newer function also has what NODE_EXTRA_CA_CERTS and the system add. */
function defaultRoots(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: "default") => string[] };
  return getCACertificates?.("default") ?? tls.rootCertificates;
}

async function readAuthorities(path: string): Promise<string> {
  let pem: string;
  try {
    pem = decodeText(await readSmallFile(path, MAX_CA_BYTES));
  } catch (cause) {
    throw new FetchFailure(`pluginDownload.ca cannot be read: ${quoted(path)}: ${unreadReason(cause)}`, { cause });
  }
  // OpenSSL silently ignores what is no certificate, and then nobody would know why a server is not trusted.
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate)) {
    throw new FetchFailure(`pluginDownload.ca is not a file of PEM certificates: ${quoted(path)}`);
  }
  return pem;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

/** The failure that is reported when a handshake with `host` (with its port) failed. */
export function tlsFailure(cause: unknown, socket: TLSSocket, host: string): FetchFailure {
  // Node sets this only when the certificate was refused, whatever the code of the error is.
  if (socket.authorizationError) {
    const reason = cause instanceof Error ? shortened(cause.message) : "unknown error";
    return new FetchFailure(
      `the certificate of ${host} is not trusted: ${reason} (a private authority can be named in pluginDownload.ca; ` +
        "pluginDownload.verifyTls: false accepts any certificate)",
      { brief: `certificate not trusted (${errorCode(cause)})`, cause },
    );
  }
  if (cause instanceof Error && !hasCode(cause, "ECONNRESET", "EPIPE") && "reason" in cause) {
    return new FetchFailure(`TLS handshake with ${host}: ${shortened(String(cause.reason))}`, {
      brief: "no HTTPS there",
      cause,
    });
  }
  return networkFailure(cause, host);
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

/** The message may quote names from the certificate, which the server has chosen. */
function shortened(message: string): string {
  return quoted(message);
}

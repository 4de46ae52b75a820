import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { quoted } from "../../lib/text.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import { isLoopback } from "../settings/exposure.ts";
import type { Situation } from "../situation.ts";
import { isOpenToOthers, readTextFile } from "./pem-file.ts";

const DAY_MS = 86_400_000;
/** Those who renew by hand need some weeks; those who do not have renewed before. */
const SOON_DAYS = 21;

/** The certificate and the key of HTTPS. */
export async function* tlsFiles({ config, base }: Situation): AsyncIterable<Observation> {
  const { restTls, restIp } = config.basic;
  const { certfile, keyfile } = restTls;
  if (certfile === "" && keyfile === "") return yield ok("plain HTTP: basic.restTls is empty");
  if (certfile === "" || keyfile === "") {
    const missing = certfile === "" ? "certfile" : "keyfile";
    return yield failure(
      `basic.restTls.${missing} is empty`,
      "set both certfile and keyfile, or neither for plain HTTP",
    );
  }
  const [certificate, key] = [read("certfile", certfile, asCertificate), read("keyfile", keyfile, createPrivateKey)];
  const [cert, secret] = await Promise.all([certificate, key]);
  if ("problem" in cert) yield cert.problem;
  if ("problem" in secret) yield secret.problem;
  if ("problem" in cert || "problem" in secret) return;
  yield* pairOf(cert.value, secret.value);
  yield* timesOf(cert.value);
  yield* namesOf(cert.value, restIp);
  const file = resolve(base, keyfile);
  if (await isOpenToOthers(file)) yield warning(`every user can read the private key ${file}`, `chmod o-r ${file}`);

  async function read<T>(name: string, file: string, parse: (pem: string) => T) {
    const path = resolve(base, file);
    const bad = (reason: string) => ({
      problem: failure(`basic.restTls.${name} ${path} ${reason}`, "the server does not start like this: correct it"),
    });
    const text = await readTextFile(path).catch((error: Error) => bad(error.message));
    if (typeof text !== "string") return text;
    try {
      return { value: parse(text) };
    } catch (error) {
      return bad(`is not in PEM, or has a password: ${quoted((error as Error).message)}`);
    }
  }
}

function asCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

function* pairOf(certificate: X509Certificate, key: KeyObject): Iterable<Observation> {
  if (certificate.checkPrivateKey(key)) return;
  yield failure(
    "the private key is not that of the certificate",
    "give the two files that were made together; of a chain, the server's own certificate comes first",
  );
}

function* timesOf({ validFrom, validTo }: X509Certificate): Iterable<Observation> {
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
  if (Date.parse(validFrom) > Date.now()) {
    yield failure(`the certificate is valid from ${validFrom} on`, "check the clock, or wait until then");
  } else if (days < 0) yield failure(`the certificate has expired on ${validTo}`, "renew it and restart the server");
  else if (days < SOON_DAYS) {
    yield warning(
      `the certificate expires on ${validTo}`,
      "renew it and restart the server, which reads it on startup",
    );
  } else yield ok(`the certificate is valid until ${validTo}`);
}

/** Clients have not looked at the subject for years. */
function* namesOf(certificate: X509Certificate, restIp: string): Iterable<Observation> {
  const { subjectAltName } = certificate;
  if (subjectAltName === undefined) {
    const advice = "make one with a subjectAltName, such as DNS:plugins.example,IP:192.0.2.1";
    return yield failure("the certificate has no names, and clients refuse it", advice);
  }
  const isAny = restIp === "0.0.0.0" || restIp === "::";
  if (isIP(restIp) !== 0 && !isAny && !isLoopback(restIp) && certificate.checkIP(restIp) === undefined) {
    yield warning(
      `the certificate is for ${quoted(subjectAltName)}, and not for ${restIp} (basic.restIp)`,
      "clients have to come by one of these names",
    );
  } else yield ok(`the certificate is for ${quoted(subjectAltName)}`);
}

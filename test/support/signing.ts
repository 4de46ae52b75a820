import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Keys and signatures as openssl makes them: what a plugin's author has. */
export interface Signer {
  readonly publicPem: string;
  readonly privatePem: string;
  /** The signature of a file, in bytes. */
  sign(file: string): Buffer;
  /** Whether openssl takes the signature. */
  accepts(file: string, signature: Buffer): boolean;
}

export type SignerKind = "ecdsa" | "ed25519" | "rsa";

const GENERATE: Readonly<Record<SignerKind, readonly string[]>> = {
  ecdsa: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  ed25519: ["-algorithm", "ed25519"],
  rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
};

/** @param options those of `openssl genpkey`, for keys of other kinds; they sign with `openssl dgst -sha256` */
export function makeSigner(folder: string, kind: SignerKind | readonly string[]): Signer {
  const options = typeof kind === "string" ? GENERATE[kind] : kind;
  const path = (ending: string) => join(folder, `${randomUUID()}.${ending}`);
  const [privateFile, publicFile] = [path("key"), path("pub")];
  openssl("genpkey", ...options, "-out", privateFile);
  openssl("pkey", "-in", privateFile, "-pubout", "-out", publicFile);
  return {
    publicPem: readFileSync(publicFile, "utf8"),
    privatePem: readFileSync(privateFile, "utf8"),
    sign(file) {
      const out = path("sig");
      if (kind === "ed25519") openssl("pkeyutl", "-sign", "-rawin", "-inkey", privateFile, "-in", file, "-out", out);
      else openssl("dgst", "-sha256", "-sign", privateFile, "-out", out, file);
      return readFileSync(out);
    },
    accepts(file, signature) {
      const given = path("sig");
      writeFileSync(given, signature);
      const asked =
        kind === "ed25519"
          ? ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", publicFile, "-in", file, "-sigfile", given]
          : ["dgst", "-sha256", "-verify", publicFile, "-signature", given, file];
      try {
        openssl(...asked);
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** As `openssl pkey -pubin -outform DER | sha256sum` tells it. */
export function fingerprintOf(publicPem: string): string {
  const der = execFileSync("openssl", ["pkey", "-pubin", "-outform", "DER"], { input: publicPem });
  return createHash("sha256").update(der).digest("hex");
}

/** The text that `cosign sign-blob --key` writes. */
export function asCosignWrites(signature: Buffer): Buffer {
  return Buffer.from(`${signature.toString("base64")}\n`);
}

/** Puts a file into a folder of trusted keys, which is made. */
export async function writeTrusted(file: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

export function openssl(...args: readonly string[]): Buffer {
  return execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
}

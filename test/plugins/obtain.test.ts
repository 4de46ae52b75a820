import { existsSync } from "node:fs";
import { readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import type { InstallRequest } from "../../src/domain/install-request.ts";
import { checkPluginUri } from "../../src/domain/plugin-uri.ts";
import { createTrust } from "../../src/package/trust/trust.ts";
import { type FetchedZip, obtainZip, verifyZip } from "../../src/plugins/obtain.ts";
import { downloadBench, serveFiles, serveZip, sha256, someBytes } from "../support/downloading.ts";
import type { Reply } from "../support/file-server.ts";
import { endless, file, inTurn, redirect, silent, status } from "../support/file-server-replies.ts";
import { asCosignWrites, makeSigner, type Signer, writeTrusted } from "../support/signing.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { testLog, WARN } from "../support/test-log.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";

const ZIP = someBytes(700_001);
const DIGEST = sha256(ZIP);

let folder: string;
let zipFile: string;
let trusted: string;
let { log, lines } = testLog();
beforeEach(async () => {
  folder = await tempFolder();
  zipFile = join(folder, "package.zip");
  trusted = join(folder, "trust");
  ({ log, lines } = testLog());
});

interface Setting {
  readonly require?: boolean;
  readonly download?: Parameters<typeof downloadBench>[0];
  readonly signal?: AbortSignal;
  readonly proxy?: Parameters<typeof downloadBench>[1];
}

type Wanted = Partial<Pick<InstallRequest, "sha256" | "signature">>;

async function obtain(source: InstallRequest["source"], wanted: Wanted = {}, setting: Setting = {}) {
  const { downloader } = await downloadBench({ maxRetries: 0, ...setting.download }, setting.proxy);
  const progress: unknown[] = [];
  const request: InstallRequest = {
    id: { type: "sources", name: "random" },
    source,
    sha256: undefined,
    signature: undefined,
    shellParas: [],
    functions: [],
    heldBytes: 0,
    ...wanted,
  };
  const signal = setting.signal ?? new AbortController().signal;
  const bytes = (done: number, total?: number) => void progress.push([done, total]);
  const trust = createTrust({
    folder: trusted,
    config: {
      require: setting.require ?? false,
      requireStatement: false,
      maxEd25519Bytes: 2 ** 27,
      maxStatementBytes: 65_536,
    },
    log,
  });
  const zip = await obtainZip(source, zipFile, { signal, log, bytes }, downloader);
  const verified = await verifyZip(zip, request, { downloader, trust, signal, log });
  const obtained = { sha256: zip.sha256, bytes: zip.bytes, verified };
  return { obtained, progress };
}

const from = (url: string): InstallRequest["source"] => {
  const uri = checkPluginUri(url);
  return { kind: "download", uri, origin: uri.redacted };
};

async function verified(...args: Parameters<typeof obtain>): Promise<FetchedZip["verified"]> {
  return (await obtain(...args)).obtained.verified;
}

async function upload(bytes = ZIP): Promise<InstallRequest["source"]> {
  const received = join(folder, "received.zip");
  await writeFile(received, bytes);
  const zip = { file: received, sha256: sha256(bytes), bytes: bytes.length, origin: "upload of x.zip" };
  return { kind: "upload", zip, origin: zip.origin };
}

/** A signer whose key is trusted. */
async function trustedSigner(name = "release.pub"): Promise<Signer> {
  const signer = makeSigner(folder, "ecdsa");
  await writeTrusted(join(trusted, name), signer.publicPem);
  return signer;
}

async function signatureOf(signer: Signer, bytes = ZIP): Promise<Buffer> {
  const path = join(folder, "to-sign");
  await writeFile(path, bytes);
  return signer.sign(path);
}

/** A server with the zip and, beside it, a signature; the zip's URL. */
async function serve(signature?: Reply | Buffer, zip: Reply = file(ZIP)) {
  const reply = Buffer.isBuffer(signature) ? file(signature) : signature;
  const server = await serveFiles({ "/x.zip": zip, ...(reply === undefined ? {} : { "/x.zip.sig": reply }) });
  return { server, url: server.url("/x.zip"), asked: () => server.requests.map(({ path }) => path) };
}

const PROOF = {
  key: "release.pub",
  algorithm: "ecdsa-p256-sha256",
  fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
};

describe("a zip is obtained", () => {
  it("by a download, with its progress", async () => {
    const { url, asked } = await serve();
    const { obtained, progress } = await obtain(from(url));
    expect(obtained).toEqual({ sha256: DIGEST, bytes: ZIP.length, verified: undefined });
    expect(ZIP.equals(await readFile(zipFile))).toBe(true);
    expect(progress.at(-1)).toEqual([ZIP.length, ZIP.length]);
    expect(asked()).toEqual(["/x.zip"]); // nobody is trusted, so no signature is looked for
  });

  it("from what was received, which is moved away", async () => {
    const { obtained } = await obtain(await upload());
    expect(obtained).toEqual({ sha256: DIGEST, bytes: ZIP.length, verified: undefined });
    expect(ZIP.equals(await readFile(zipFile))).toBe(true);
    expect(await readdir(folder)).toEqual(["package.zip"]);
  });

  it.skipIf(!CAN_MOUNT)("from what was received on another disk", async () => {
    const source = await upload();
    zipFile = join(tinyDisk(1_000_000).folder, "package.zip");
    expect((await obtain(source)).obtained.bytes).toBe(ZIP.length);
    expect(ZIP.equals(await readFile(zipFile))).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });

  it("or not: a failed download keeps its words", async () => {
    const { url } = await serveZip(status(404));
    await expect(obtain(from(url))).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: `fail to download file ${url}: cannot download the file with status: 404 Not Found`,
    });
  });
});

describe("the checksum", () => {
  it("is proven when it is that of the zip", async () => {
    const { url } = await serve();
    expect(await verified(from(url), { sha256: DIGEST })).toEqual({ sha256: true });
    await rm(zipFile);
    expect(await verified(await upload(), { sha256: DIGEST })).toEqual({ sha256: true });
  });

  it("refuses another zip, before a signature is asked for", async () => {
    await trustedSigner();
    const { url, asked } = await serve(Buffer.from("x"));
    const wanted = sha256(Buffer.from("another"));
    const words = (origin: string) =>
      `fail to verify file ${origin}: its sha256 is ${DIGEST}, the request asks for ${wanted}; nothing was unpacked. ` +
      "Check which one is correct";
    const mismatch = (origin: string) => ({ code: "CHECKSUM_MISMATCH", message: words(origin) });
    await expect(obtain(from(url), { sha256: wanted })).rejects.toMatchObject(mismatch(url));
    expect(asked()).toEqual(["/x.zip"]);
    await rm(zipFile);
    await expect(obtain(await upload(), { sha256: wanted })).rejects.toMatchObject(mismatch("upload of x.zip"));
  });
});

describe("the signature of the request", () => {
  it("is proven, and no other one is asked for", async () => {
    const signature = await signatureOf(await trustedSigner());
    const { url, asked } = await serve(Buffer.from("x"));
    expect(await verified(from(url), { signature, sha256: DIGEST })).toEqual({ sha256: true, signature: PROOF });
    expect(asked()).toEqual(["/x.zip"]);
    await rm(zipFile);
    const require = true;
    expect(await verified(await upload(), { signature: asCosignWrites(signature) }, { require })).toEqual({
      signature: PROOF,
    });
  });

  it("refuses the zip when it does not fit, whether one is required or not", async () => {
    const signature = await signatureOf(await trustedSigner(), Buffer.from("another"));
    const { url } = await serve();
    for (const require of [false, true]) {
      await expect(obtain(from(url), { signature }, { require })).rejects.toMatchObject({
        code: "SIGNATURE_INVALID",
        message: `fail to verify file ${url}: the signature fits none of the 1 public key in etc/trust; sign this very zip, or put the signer's public key (PEM) there`,
      });
      await rm(zipFile);
    }
  });

  it("refuses the zip when there is no key to check it with", async () => {
    const signature = await signatureOf(makeSigner(folder, "ecdsa"));
    await expect(obtain(await upload(), { signature })).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      message:
        "fail to verify file upload of x.zip: the signature can't be checked: there is no public key in etc/trust; put the signer's public key (PEM) there",
    });
  });

  it("is that of the key that was replaced between two installs", async () => {
    const first = await signatureOf(await trustedSigner());
    expect(await verified(await upload(), { signature: first })).toEqual({ signature: PROOF });
    const second = await signatureOf(await trustedSigner());
    await expect(obtain(await upload(), { signature: first })).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
    expect(await verified(await upload(), { signature: second })).toEqual({ signature: PROOF });
  });
});

/** Half a DER is none. */
const NO_FORM = ", of which 0 make signatures of its form";

describe("the signature beside the zip", () => {
  it("is proven, and its file is gone afterwards", async () => {
    const signature = await signatureOf(await trustedSigner());
    for (const form of [signature, asCosignWrites(signature)]) {
      const { url, asked } = await serve(form);
      expect(await verified(from(url))).toEqual({ signature: PROOF });
      expect(asked()).toEqual(["/x.zip", "/x.zip.intoto.jsonl", "/x.zip.sig"]);
      expect(existsSync(`${zipFile}.sig`)).toBe(false);
      await rm(zipFile);
    }
  });

  it("is asked for with the query, the credentials and by the redirects of the zip's host", async () => {
    const signature = await signatureOf(await trustedSigner());
    const server = await serveFiles({
      "/a%20b.zip?token=s3cret&v=1": file(ZIP),
      "/a%20b.zip.sig?token=s3cret&v=1": redirect("/elsewhere?x=1"),
      "/elsewhere?x=1": file(signature),
    });
    const url = `http://me:p4ss@127.0.0.1:${server.port}/a%20b.zip?token=s3cret&v=1`;
    expect(await verified(from(url), {}, { require: true })).toEqual({ signature: PROOF });
    const [, , asked, redirected] = server.requests;
    const credentials = `Basic ${Buffer.from("me:p4ss").toString("base64")}`;
    expect(asked).toMatchObject({
      path: "/a%20b.zip.sig?token=s3cret&v=1",
      headers: { authorization: credentials },
    });
    expect(redirected).toMatchObject({ headers: { authorization: credentials } });
  });

  it("comes from allowed hosts only", async () => {
    const signature = await signatureOf(await trustedSigner());
    const other = await serveFiles({ "/x.sig": file(signature) });
    const { url, server } = await serve(redirect(`http://localhost:${other.port}/x.sig`));
    const download = { allowedHosts: [`127.0.0.1:${server.port}`] };
    await expect(obtain(from(url), {}, { require: true, download })).rejects.toMatchObject({
      code: "SIGNATURE_REQUIRED",
      message: expect.stringContaining(`the host localhost:${other.port} is not in pluginDownload.allowedHosts`),
    });
    expect(other.requests).toEqual([]);
  });

  it("is found beside a file", async () => {
    const signature = await signatureOf(await trustedSigner());
    const path = join(folder, "my plugin#1.zip");
    await writeFile(path, ZIP);
    await writeFile(`${path}.sig`, asCosignWrites(signature));
    expect(await verified(from(pathToFileURL(path).href))).toEqual({ signature: PROOF });
    await rm(zipFile);
    await rm(`${path}.sig`);
    expect(await verified(from(pathToFileURL(path).href))).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it("comes from allowed folders only, also by a link", async () => {
    const signature = await signatureOf(await trustedSigner());
    const allowed = await tempFolder();
    const path = join(allowed, "x.zip");
    await writeFile(path, ZIP);
    await writeFile(join(folder, "outside.sig"), signature);
    const [source, download] = [from(pathToFileURL(path).href), { allowedFolders: [allowed] }];
    expect(await verified(source, {}, { download })).toBeUndefined();
    expect(lines).toEqual([]);
    await rm(zipFile);
    await symlink(join(folder, "outside.sig"), `${path}.sig`);
    await expect(obtain(source, {}, { download, require: true })).rejects.toMatchObject({
      code: "SIGNATURE_REQUIRED",
      message: expect.stringContaining(`${path}.sig is not in a folder of pluginDownload.allowedFolders)`),
    });
  });

  it.each([
    ["of another zip", () => trustedSigner().then((signer) => signatureOf(signer, Buffer.from("another")))],
    [
      "that is cut",
      () =>
        trustedSigner()
          .then(signatureOf)
          .then((bytes) => bytes.subarray(0, -1)),
    ],
    ["by a stranger", () => trustedSigner().then(() => signatureOf(makeSigner(folder, "ecdsa")))],
  ])("refuses the zip when it is one %s", async (what, make) => {
    const { url } = await serve(await make());
    await expect(obtain(from(url))).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      message: `fail to verify file ${url} by ${url}.sig: the signature fits none of the 1 public key in etc/trust${what === "that is cut" ? NO_FORM : ""}; sign this very zip, or put the signer's public key (PEM) there`,
    });
    expect(existsSync(`${zipFile}.sig`)).toBe(false);
  });

  it.each([
    ["an empty file", file(Buffer.alloc(0)), "it is empty"],
    ["a page", file(Buffer.from("<html>Sign in</html>")), "it is text but not base64"],
    ["a file without end", endless().reply, "it has more than 16384 bytes"],
    ["a file that is announced to be large", file(Buffer.alloc(20_000)), "it has more than 16384 bytes"],
  ])("refuses the zip when it is %s", async (_, reply, reason) => {
    await trustedSigner();
    const { url, server } = await serve(reply);
    await expect(obtain(from(url))).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      message: expect.stringContaining(`${url}.sig: the signature is malformed: ${reason}. `),
    });
    expect(existsSync(`${zipFile}.sig`)).toBe(false);
    await server.idle();
  });

  it("is not asked for where no key would tell", async () => {
    await writeTrusted(join(trusted, "private.pem"), makeSigner(folder, "ecdsa").privatePem);
    const { url, asked } = await serve(Buffer.from("x"));
    expect(await verified(from(url))).toBeUndefined();
    expect(asked()).toEqual(["/x.zip"]);
    expect(lines).toMatchObject([{ level: WARN, file: join(trusted, "private.pem") }]);
  });
});

describe("a zip without a signature", () => {
  const next =
    "and trust.require refuses plugins without one. Sign the zip by a key of etc/trust, and give the signature in the " +
    'request ("signature", in base64) or in a file beside the zip, with .sig after its name';

  it.each([404, 403, 410])("is told by %d: installed, or refused where one is required", async (code) => {
    await trustedSigner();
    const { url, asked } = await serve(status(code));
    expect(await verified(from(url))).toBeUndefined();
    expect(asked()).toEqual(["/x.zip", "/x.zip.intoto.jsonl", "/x.zip.sig"]);
    expect(lines).toEqual([]);
    await rm(zipFile);
    await expect(obtain(from(url), {}, { require: true })).rejects.toMatchObject({
      code: "SIGNATURE_REQUIRED",
      message: `fail to verify file ${url}: there is no signature at ${url}.sig, ${next}`,
    });
  });

  it("is refused where one is required, for a file and without any key, too", async () => {
    const path = join(folder, "x.zip");
    await writeFile(path, ZIP);
    const { href } = pathToFileURL(path);
    await expect(obtain(from(href), {}, { require: true })).rejects.toMatchObject({
      code: "SIGNATURE_REQUIRED",
      message: `fail to verify file ${href}: there is no signature at ${href}.sig, ${next}`,
    });
  });

  it("is refused where one is required, for an upload, too", async () => {
    await trustedSigner();
    await expect(obtain(await upload(), {}, { require: true })).rejects.toMatchObject({
      code: "SIGNATURE_REQUIRED",
      message: `fail to verify file upload of x.zip: it came without a signature, ${next}`,
    });
  });

  it("shows no secret of its address", async () => {
    const server = await serveFiles({ "/x.zip?token=s3cret": file(ZIP) });
    const url = `http://me:p4ss@127.0.0.1:${server.port}/x.zip?token=s3cret`;
    const error = await obtain(from(url), {}, { require: true }).catch((reason) => reason);
    expect(error.message).toContain(`there is no signature at http://***@127.0.0.1:${server.port}/x.zip.sig?token=***`);
    expect(JSON.stringify([error, String(error.cause), lines])).not.toMatch(/s3cret|p4ss/);
  });
});

describe("a signature that can't be fetched", () => {
  it.each([
    ["a fault of the host", status(500), {}, "cannot download the file with status: 500 Internal Server Error"],
    ["a host that is busy", status(503), { maxRetries: 1 }, "with status: 503 Service Unavailable"],
    ["a host that needs a password", status(401), {}, "cannot download the file with status: 401 Unauthorized"],
    [
      "a silent host",
      silent,
      { idleTimeoutSeconds: 0.1 },
      "sent nothing for 0.1 s (pluginDownload.idleTimeoutSeconds)",
    ],
    ["redirects without end", redirect("/x.zip.sig"), {}, "stopped after 10 redirects"],
  ])("is a warning, or a refusal where one is required: %s", async (_, reply, download, reason) => {
    await trustedSigner();
    const { url, server } = await serve(reply);
    expect(await verified(from(url), {}, { download })).toBeUndefined();
    expect(lines.filter(({ level }) => level === WARN).at(-1)).toMatchObject({
      reason: expect.stringMatching(`^fail to download file ${url}.sig: .*${reason.replace(/[()]/g, "\\$&")}`),
      msg: "a signature could not be fetched: installing without",
    });
    await rm(zipFile);
    await expect(obtain(from(url), {}, { require: true, download })).rejects.toMatchObject({
      code: "SIGNATURE_REQUIRED",
      message: expect.stringContaining(`: its signature could not be fetched (fail to download file ${url}.sig: `),
      cause: { code: "DOWNLOAD_FAILED", message: expect.stringContaining(reason) },
    });
    expect(existsSync(`${zipFile}.sig`)).toBe(false);
    await server.idle();
  });

  it("is fetched after all when the host was busy for a moment", async () => {
    const signature = await signatureOf(await trustedSigner());
    const { url } = await serve(inTurn(status(503), file(signature)));
    expect(await verified(from(url), {}, { download: { maxRetries: 1 } })).toEqual({ signature: PROOF });
  });

  it("is no reason to install when the install was cancelled", async () => {
    await trustedSigner();
    const controller = new AbortController();
    const reason = new Error("enough");
    const { url } = await serve(() => controller.abort(reason));
    await expect(obtain(from(url), {}, { signal: controller.signal })).rejects.toMatchObject({
      message: expect.stringContaining("the download was cancelled"),
    });
  });

  it.skipIf(!CAN_MOUNT)("is no reason to install when the disk is full", async () => {
    const signature = await signatureOf(await trustedSigner());
    const { url } = await serve(signature);
    const size = Math.ceil(ZIP.length / 4096) * 4096;
    zipFile = join(tinyDisk(size).folder, "package.zip");
    await expect(obtain(from(url))).rejects.toMatchObject({ code: "STORAGE_FULL" });
  });
});

import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { readKeys, WarnOnce } from "../../../src/package/trust/trusted-keys.ts";
import { makeSigner, openssl, writeTrusted } from "../../support/signing.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { testLog, WARN } from "../../support/test-log.ts";
import { NOBODY, withoutRoot } from "../../support/without-root.ts";

let made: string;
let folder: string;
let { log, lines } = testLog();
let warnings = new WarnOnce(log);
beforeEach(async () => {
  made = await tempFolder();
  folder = join(made, "trust");
  ({ log, lines } = testLog());
  warnings = new WarnOnce(log);
});

const put = (name: string, content: string | Buffer) => writeTrusted(join(folder, name), content);
const read = async () => (await readKeys(folder, warnings)).map(({ name, algorithm }) => [name, algorithm]);
/** What the log says of the files that were left out. */
const leftOut = () => Object.fromEntries(lines.map(({ file, reason }) => [String(file).split("/").at(-1), reason]));

describe("a trusted key is", () => {
  it.each([
    ["ecdsa", "ecdsa-p256-sha256"],
    ["ed25519", "ed25519"],
    ["rsa", "rsa-sha256"],
  ] as const)("a public key of openssl: %s", async (kind, algorithm) => {
    await put("a.pub", makeSigner(made, kind).publicPem);
    expect(await read()).toEqual([["a.pub", algorithm]]);
    expect(lines).toEqual([]);
  });

  it("in *.pub or *.pem, in the order of the names; other files are nobody's business", async () => {
    const { publicPem } = makeSigner(made, "ed25519");
    for (const name of ["b.pem", "a.pub", "c.PUB", "README", "a.pub.bak", "pub"]) await put(name, publicPem);
    expect(await read()).toEqual([
      ["a.pub", "ed25519"],
      ["b.pem", "ed25519"],
    ]);
    expect(lines).toEqual([]);
  });

  it("with words around it, CRLF, or behind a link", async () => {
    const { publicPem } = makeSigner(made, "ed25519");
    await put("words.pub", `The key of release 1\r\n\r\n${publicPem.replaceAll("\n", "\r\n")}\r\nthe end\r\n`);
    await writeFile(join(made, "elsewhere"), publicPem);
    await symlink("../elsewhere", join(folder, "link.pub"));
    expect((await read()).map(([name]) => name)).toEqual(["link.pub", "words.pub"]);
  });

  it("of at most 64 KiB", async () => {
    const { publicPem } = makeSigner(made, "ed25519");
    await put("a.pub", publicPem.padEnd(64 * 1024, "\n"));
    await put("b.pub", publicPem.padEnd(64 * 1024 + 1, "\n"));
    await put("c.pub", Buffer.alloc(10_000_000));
    expect((await read()).map(([name]) => name)).toEqual(["a.pub"]);
    expect(leftOut()).toEqual({ "b.pub": "has more than 65536 bytes", "c.pub": "has more than 65536 bytes" });
  });

  it("one of the first thousand", async () => {
    const { publicPem } = makeSigner(made, "ed25519");
    for (let n = 0; n < 1000; n++) await put(`${n}.pub`, publicPem);
    expect(await read()).toHaveLength(1000);
    expect(lines).toEqual([]);
    await put("more.pub", publicPem);
    await put("most.pub", publicPem);
    expect(await read()).toHaveLength(1000);
    expect(lines).toMatchObject([
      { level: WARN, limit: 1000, msg: "there are more trusted keys than can be used; some are left out" },
    ]);
  });
});

describe("a file that is left out, with a warning, is", () => {
  const ec = (curve: string) => ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${curve}`];
  const rsa = (algorithm: string, bits: number) => ["-algorithm", algorithm, "-pkeyopt", `rsa_keygen_bits:${bits}`];
  const curve = (name: string) => `has an ECDSA key on the curve ${name}; only P-256 can be used`;
  const kind = (name: string) => `has a key of the kind ${name}; only ECDSA P-256, Ed25519 and RSA can be used`;

  it.each([
    ["P-384", ec("P-384"), curve("secp384r1")],
    ["P-521", ec("P-521"), curve("secp521r1")],
    ["secp256k1", ec("secp256k1"), curve("secp256k1")],
    ["RSA of 1024 bits", rsa("RSA", 1024), "has an RSA key of 1024 bits; it must have 2048 to 16384"],
    ["RSA-PSS", rsa("RSA-PSS", 2048), kind("rsa-pss")],
    ["Ed448", ["-algorithm", "ed448"], kind("ed448")],
    ["X25519", ["-algorithm", "x25519"], kind("x25519")],
  ])("a key of another kind: %s", async (_, options, reason) => {
    await put("a.pub", makeSigner(made, options).publicPem);
    expect(await read()).toEqual([]);
    expect(lines).toMatchObject([{ level: WARN, reason, msg: "a file among the trusted keys is left out" }]);
  });

  it("one with a private key, even with the public one beside it", async () => {
    const { publicPem, privatePem } = makeSigner(made, "ecdsa");
    const encrypted = openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x").toString();
    const sec1 = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout").toString();
    const files = { "a.pub": privatePem, "b.pem": publicPem + privatePem, "c.pem": encrypted, "d.pem": sec1 };
    for (const [name, content] of Object.entries(files)) await put(name, content);
    expect(await read()).toEqual([]);
    const reason = "has a private key, which must not be on this machine; put its public key there";
    expect(leftOut()).toEqual({ "a.pub": reason, "b.pem": reason, "c.pem": reason, "d.pem": reason });
  });

  it("one that is no key, or not one key", async () => {
    const { publicPem } = makeSigner(made, "ed25519");
    const subject = ["-subj", "/CN=x", "-nodes", "-keyout", join(made, "k")];
    const certificate = openssl("req", "-x509", "-newkey", "rsa:2048", ...subject).toString();
    const noKey = "has no public key that can be read";
    await put("certificate.pem", certificate);
    await put("der.pub", Buffer.from(publicPem.replace(/-----.*-----/g, ""), "base64"));
    await put("empty.pub", "");
    await put("half.pub", publicPem.slice(0, 60));
    await put("ssh.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me\n");
    await put("two.pub", publicPem + publicPem);
    await put("utf16.pub", Buffer.from(publicPem, "utf16le"));
    expect(await read()).toEqual([]);
    expect(leftOut()).toEqual({
      "certificate.pem": "is a certificate; take its public key: openssl x509 -pubkey -noout",
      "der.pub": noKey,
      "empty.pub": noKey,
      "half.pub": noKey,
      "ssh.pub": noKey,
      "two.pub": "has 2 PEM blocks; each key needs a file of its own",
      "utf16.pub": noKey,
    });
  });

  it("no regular file: a folder, a FIFO, a device, a link to nothing", async () => {
    await mkdir(join(folder, "folder.pub"), { recursive: true });
    execFileSync("mkfifo", [join(folder, "fifo.pub")]);
    await symlink("/dev/zero", join(folder, "device.pub"));
    await symlink("nothing", join(folder, "dangling.pub"));
    expect(await read()).toEqual([]);
    expect(leftOut()).toEqual({
      "dangling.pub": "can't be read: no such file or directory",
      "device.pub": "is not a regular file",
      "fifo.pub": "is not a regular file",
      "folder.pub": "is not a regular file",
    });
  });

  it("told of once, until it changes", async () => {
    const file = join(folder, "a.pub");
    const leftOutTimes = async (times: number) => {
      await Promise.all([read(), read()]);
      expect(lines).toHaveLength(times);
    };
    await put("a.pub", "");
    await put("b.pub", "");
    await symlink("nothing", join(folder, "dangling.pub"));
    await leftOutTimes(3);
    await leftOutTimes(3);
    await utimes(file, 1, 1);
    await leftOutTimes(4);
    await put("a.pub", makeSigner(made, "ed25519").publicPem);
    await leftOutTimes(4);
    await put("a.pub", "");
    await utimes(file, 1, 1); // as it was: told again, since it was a key in between
    await leftOutTimes(5);
  });

  it("one that the server may not read", async () => {
    const { publicPem } = makeSigner(made, "ed25519");
    await put("a.pub", publicPem);
    await put("b.pub", publicPem);
    await chmod(made, 0o755);
    await chmod(join(folder, "b.pub"), 0);
    expect(await withoutRoot(read)).toEqual([["a.pub", "ed25519"]]);
    expect(leftOut()).toEqual({ "b.pub": "can't be read: permission denied" });
  });
});

describe("the folder", () => {
  it("need not be there", async () => {
    expect(await read()).toEqual([]);
    expect(lines).toEqual([]);
  });

  it("is told when it can't be read: that is not the same as having no keys", async () => {
    await writeFile(folder, "");
    await expect(read()).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: "the keys in etc/trust can't be read: not a directory",
    });
    folder = join(made, "closed");
    await mkdir(folder, 0o700);
    await chmod(made, 0o755);
    if (process.getuid?.() === 0) await chown(folder, NOBODY + 1, NOBODY + 1);
    else await chmod(folder, 0);
    await expect(withoutRoot(read)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: "the keys in etc/trust can't be read: permission denied",
    });
  });
});

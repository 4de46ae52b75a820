import { createHash, randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { systemMessage } from "../../lib/errors.ts";
import { OPEN_WITHOUT_WAITING } from "../../lib/files.ts";
import { cutAt, quoted } from "../../lib/text.ts";
import { usageFailure } from "../failure.ts";

const READ_BYTES = 256 * 1024;
const MAX_NAME = 200;

/** The fields of an install, for JSON or a form: those without a value are left out; in a form, a list is repeated. */
export type InstallFields = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

interface SentForm {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/**
 * A zip with its fields as a form, read from the disk as it is sent. It is read once before, for its sha256: so what arrives
 * is what was read, or it is refused.
 *
 * @param sent called with the bytes of the zip that were taken so far
 * @throws CommandFailure for a file that can't be read
 */
export async function pluginForm(
  file: string,
  fields: InstallFields,
  sent: (bytes: number, total: number) => void,
): Promise<SentForm> {
  const { bytes, sha256 } = await digest(file);
  const boundary = `kuiper-plugins-${randomBytes(12).toString("hex")}`;
  const part = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
  const all = Object.entries({ ...fields, sha256 }).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${part(`name="${name}"`)}\r\n${one}\r\n`),
  );
  const fileName = cutAt(basename(file).replace(/[^\w.@+-]/g, "_"), MAX_NAME);
  const head = Buffer.from(
    `${all.join("")}${part(`name="file"; filename="${fileName}"`)}Content-Type: application/zip\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(head.length + bytes + tail.length),
    },
    body: Readable.from(formBytes(file, { head, bytes, tail }, sent), { objectMode: false }),
  };
}

/** The zip is cut at the size that was announced: one that has grown or shrunk since has another sha256 anyway. */
async function* formBytes(
  file: string,
  { head, bytes, tail }: { readonly head: Buffer; readonly bytes: number; readonly tail: Buffer },
  sent: (bytes: number, total: number) => void,
): AsyncGenerator<Buffer> {
  yield head;
  await using handle = await open(file, OPEN_WITHOUT_WAITING);
  for (let at = 0; at < bytes; ) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw usageFailure(`${quoted(file)} became shorter while it was sent: try again`);
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
    sent(at, bytes);
  }
  yield tail;
}

async function digest(file: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  try {
    await using handle = await open(file, OPEN_WITHOUT_WAITING);
    if (!(await handle.stat()).isFile()) throw usageFailure(`${quoted(file)} is no file: name the zip of a plugin`);
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: READ_BYTES })) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { bytes, sha256: hash.digest("hex") };
  } catch (error) {
    if (!(error instanceof Error && "code" in error) || error.name === "CommandFailure") throw error;
    throw usageFailure(`${quoted(file)} can't be read: ${systemMessage(error)}`);
  }
}

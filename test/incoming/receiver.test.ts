import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import http, { type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { PluginError } from "../../src/domain/errors.ts";
import { createReceiver, type Receiver } from "../../src/incoming/receiver.ts";
import { sha256, someBytes } from "../support/downloading.ts";
import { stall } from "../support/stall.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { testLog } from "../support/test-log.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";

const BODY = someBytes(1_500_001);
const { log } = testLog();
const never = new AbortController().signal;

let folder: string;
beforeEach(async () => {
  folder = join(await tempFolder(), "plugins", ".incoming");
});

function receiver({
  maxBytes = 10_000_000,
  maxTotalBytes = 100_000_000,
  maxConcurrent = 4,
  timeoutSeconds = 60,
  idleTimeoutSeconds = 60,
} = {}): Receiver {
  return createReceiver({
    folder,
    config: { maxConcurrent, maxTotalBytes, timeoutSeconds, idleTimeoutSeconds },
    maxBytes,
  });
}

/** In pieces as the network cuts them. */
function streamOf(body: Buffer): Readable {
  const pieces = [];
  for (let at = 0, size = 1; at < body.length; at += size, size = (size * 7 + 3) % 70_001) {
    pieces.push(body.subarray(at, at + size));
  }
  return Readable.from(pieces, { objectMode: false });
}

const receive = (stream: Readable, settings?: Parameters<typeof receiver>[0], signal = never) =>
  receiver(settings).receive(stream, { signal, origin: "upload of x.zip", log });
const leftovers = () => (existsSync(folder) ? readdir(folder) : []);

/** A stream that goes on until it is told otherwise; `begun` resolves when somebody reads it. */
function openStream() {
  const stream = new PassThrough();
  stream.write(BODY.subarray(0, 100_000));
  const begun = new Promise<void>((resolve) => void stream.once("resume", resolve));
  return { stream, begun };
}

it("what came during a stall of this process is not the client's silence", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  const [socket] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => void server.close());
  const receiving = receive(socket, { idleTimeoutSeconds: 1 });
  client.write(BODY.subarray(0, 10_000));
  await once(socket, "resume"); // it is read
  client.end(BODY.subarray(10_000, 20_000));
  await stall(1500);
  expect(await receiving).toMatchObject({ bytes: 20_000 });
});

describe("an upload that is received", () => {
  it.each([0, 1, 512 * 1024, BODY.length])("is a file of %d bytes for the server alone", async (length) => {
    const body = BODY.subarray(0, length);
    const zip = await receive(streamOf(body));
    expect(zip).toEqual({
      file: expect.stringMatching(/\.zip$/),
      sha256: sha256(body),
      bytes: length,
      origin: "upload of x.zip",
    });
    expect(await leftovers()).toEqual([zip.file.slice(folder.length + 1)]);
    expect(body.equals(await readFile(zip.file))).toBe(true);
    expect((await stat(zip.file)).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it("may take longer than the longest silence, as long as it goes on", async () => {
    const { stream } = openStream();
    let left = 60;
    const timer = setInterval(() => {
      if (left-- > 0) stream.write(Buffer.alloc(600));
      else stream.end();
    }, 50);
    onTestFinished(() => clearInterval(timer));
    expect((await receive(stream, { idleTimeoutSeconds: 2.5 })).bytes).toBe(136_000);
  });

  it("is gone when it is discarded; what was moved away is nobody's business", async () => {
    const zip = await receive(streamOf(BODY));
    const { discard } = receiver();
    await discard(zip);
    expect(await leftovers()).toEqual([]);
    await discard(zip);
    await discard({ ...zip, file: folder }); // what can't be removed is no failure
  });

  it("is gone after the next start", async () => {
    await receive(streamOf(BODY));
    await mkdir(join(folder, "x"));
    await writeFile(join(folder, "x", "y"), "");
    await receiver().clear();
    expect(await leftovers()).toEqual([]);
    await receiver().clear();
  });
});

describe("an upload that is not received leaves nothing:", () => {
  it("too many bytes", async () => {
    await receive(streamOf(BODY), { maxBytes: BODY.length });
    await receiver().clear();
    const stream = streamOf(BODY);
    await expect(receive(stream, { maxBytes: BODY.length - 1 })).rejects.toMatchObject({
      code: "BODY_TOO_LARGE",
      message: `it has more bytes than uploads.maxBytes (${BODY.length - 1}) allows`,
    });
    expect(await leftovers()).toEqual([]);
  });

  it("too slow", async () => {
    const { stream } = openStream();
    await expect(receive(stream, { timeoutSeconds: 0.05 })).rejects.toMatchObject({
      code: "REQUEST_TIMEOUT",
      message: "it took longer than 0.05 s (uploads.timeoutSeconds)",
    });
    expect(await leftovers()).toEqual([]);
    expect(stream.destroyed).toBe(false); // an answer may have to go out on its connection
    stream.destroy(new Error("late")); // would end the process if nobody listened
  });

  it.each([
    ["silent", 0],
    ["a byte at a time", 1],
  ])("silent for too long: %s", async (_, bytes) => {
    const { stream } = openStream();
    const timer = setInterval(() => stream.write(Buffer.alloc(bytes)), 20);
    onTestFinished(() => clearInterval(timer));
    await expect(receive(stream, { idleTimeoutSeconds: 0.2, timeoutSeconds: 50 })).rejects.toMatchObject({
      code: "REQUEST_TIMEOUT",
      message: "the client sent nothing, or less than 1024 bytes, for 0.2 s (uploads.idleTimeoutSeconds)",
    });
    expect(await leftovers()).toEqual([]);
    expect(stream.destroyed).toBe(false);
  });

  it.each([
    ["an error", (stream: PassThrough) => stream.destroy(new Error("reset"))],
    ["no error", (stream: PassThrough) => stream.destroy()],
  ])("broken off with %s", async (_, breakOff) => {
    const { stream, begun } = openStream();
    const result = receive(stream);
    void begun.then(() => setImmediate(() => breakOff(stream)));
    await expect(result).rejects.toMatchObject({
      code: "UPLOAD_INVALID",
      message: expect.stringMatching(/^the upload broke off after \d+ bytes; send it again$/),
    });
    expect(await leftovers()).toEqual([]);
  });

  it("broken off before it began", async () => {
    const stream = new PassThrough();
    stream.destroy();
    await expect(receive(stream)).rejects.toMatchObject({ code: "UPLOAD_INVALID" });
    expect(await leftovers()).toEqual([]);
  });

  it("refused by who makes the stream", async () => {
    const { stream, begun } = openStream();
    const reason = new PluginError("UPLOAD_INVALID", "there are two files");
    void begun.then(() => stream.destroy(reason));
    await expect(receive(stream)).rejects.toBe(reason);
    expect(await leftovers()).toEqual([]);
  });

  it("cancelled", async () => {
    const { stream, begun } = openStream();
    const controller = new AbortController();
    const reason = new PluginError("SHUTTING_DOWN", "the server stops");
    void begun.then(() => controller.abort(reason));
    await expect(receive(stream, {}, controller.signal)).rejects.toBe(reason);
    await expect(receive(stream, {}, controller.signal)).rejects.toBe(reason);
    expect(await leftovers()).toEqual([]);
  });

  it.skipIf(!CAN_MOUNT)("a full disk", async () => {
    folder = join(tinyDisk(1_000_000).folder, ".incoming");
    await expect(receive(streamOf(BODY))).rejects.toMatchObject({
      code: "STORAGE_FULL",
      message: "there is no space left on the server's disk; free some and try again",
      cause: { code: "ENOSPC" },
    });
    expect(await leftovers()).toEqual([]);
    expect((await receive(streamOf(BODY.subarray(0, 900_000)))).bytes).toBe(900_000);
  });

  it.skipIf(!CAN_MOUNT)("a disk that can't be written", async () => {
    const disk = tinyDisk(1_000_000);
    folder = join(disk.folder, ".incoming");
    disk.setReadOnly(true);
    await expect(receive(streamOf(BODY))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    disk.setReadOnly(false);
    await mkdir(folder);
    disk.setReadOnly(true);
    await expect(receive(streamOf(BODY))).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message:
        "the server cannot write its files: its folder can only be read (EROFS); mount it writable; see the server's log",
    });
  });

  it("a folder that is a file, or a link", async () => {
    await mkdir(join(folder, ".."), { recursive: true });
    await writeFile(folder, "");
    await expect(receive(streamOf(BODY))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(receiver().clear()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    const elsewhere = await tempFolder();
    await writeFile(join(elsewhere, "precious"), "");
    folder = join(folder, "..", "link");
    await symlink(elsewhere, folder);
    const refusal = { code: "STORAGE_FAILED", message: `${folder} is a link; move it away and try again` };
    await expect(receive(streamOf(BODY))).rejects.toMatchObject(refusal);
    await expect(receiver().clear()).rejects.toMatchObject(refusal);
    expect(await readdir(elsewhere)).toEqual(["precious"]);
  });
});

it("only so many uploads are received at once", async () => {
  const shared = receiver({ maxConcurrent: 2 });
  const options = { signal: never, origin: "upload", log };
  const [first, second] = [openStream(), openStream()];
  const results = [first, second].map(({ stream }) => shared.receive(stream, options));
  const busy = {
    code: "TOO_BUSY",
    message: "2 uploads are being received already (uploads.maxConcurrent); try again in a moment",
  };
  await expect(shared.receive(streamOf(BODY), options)).rejects.toMatchObject(busy);
  first.stream.end();
  await results[0];
  const third = await shared.receive(streamOf(BODY), options);
  second.stream.destroy();
  await expect(results[1]).rejects.toMatchObject({ code: "UPLOAD_INVALID" });
  const fourth = openStream();
  const last = shared.receive(fourth.stream, options); // a failed one has made room
  const fifth = await shared.receive(streamOf(BODY), options);
  fourth.stream.end();
  expect([third.bytes, fifth.bytes, (await last).bytes]).toEqual([BODY.length, BODY.length, 100_000]);
  expect(await leftovers()).toHaveLength(4);
});

describe("all that was received and is not done with", () => {
  const options = { signal: never, origin: "upload", log };
  const full = {
    code: "TOO_BUSY",
    message:
      "all files that are being received or wait to be installed would have more bytes than " +
      "uploads.maxTotalBytes (4000000) allows; try again later",
  };

  it("has uploads.maxTotalBytes at most, until something is discarded", async () => {
    const shared = receiver({ maxBytes: 2_000_000, maxTotalBytes: 4_000_000 });
    const take = (body = BODY) => shared.receive(streamOf(body), options);
    const [first, second] = [await take(), await take()];
    await expect(take()).rejects.toMatchObject(full);
    expect(await leftovers()).toHaveLength(2);
    const rest = await take(BODY.subarray(0, 4_000_000 - 2 * BODY.length)); // what failed takes no room
    await expect(take(BODY.subarray(0, 1))).rejects.toMatchObject(full);
    await shared.discard(first);
    await shared.discard(first); // makes no room twice
    const third = await take();
    await expect(take(BODY.subarray(0, 1))).rejects.toMatchObject(full);
    await rename(second.file, join(folder, "..", "taken over"));
    await shared.discard(second);
    for (const zip of [rest, third, await take()]) await shared.discard(zip);
    expect(await leftovers()).toEqual([]);
  });

  it("counts what is still arriving", async () => {
    const shared = receiver({ maxBytes: 4_000_000, maxTotalBytes: 4_000_000 });
    const arriving = openStream();
    const result = shared.receive(arriving.stream, options);
    await shared.receive(streamOf(BODY), options);
    await shared.receive(streamOf(BODY), options);
    arriving.stream.end(BODY);
    await expect(result).rejects.toMatchObject(full);
    expect(await leftovers()).toHaveLength(2);
  });

  it("may be one of the largest size, whatever uploads.maxTotalBytes is", async () => {
    const shared = receiver({ maxBytes: BODY.length, maxTotalBytes: 1 });
    expect((await shared.receive(streamOf(BODY), options)).bytes).toBe(BODY.length);
    await expect(shared.receive(streamOf(BODY), options)).rejects.toMatchObject({ code: "TOO_BUSY" });
  });
});

describe("the body of a request", () => {
  /** A server that receives every body and answers with its fate. */
  async function serve(settings?: Parameters<typeof receiver>[0]) {
    const fates: Promise<unknown>[] = [];
    const server = http.createServer((request, response) => {
      const fate = receive(request, settings);
      fates.push(fate.catch((error) => error));
      fate.then(
        (zip) => response.end(`${zip.bytes}`),
        (error) => response.writeHead(400).end(error.code),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const post = (length: number) =>
      http.request({
        port: (server.address() as AddressInfo).port,
        method: "POST",
        headers: { "content-length": length },
      });
    return { post, fates };
  }

  async function answerOf(request: http.ClientRequest): Promise<string> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once("response", resolve).once("error", reject);
    });
    let text = "";
    for await (const part of response.setEncoding("utf8")) text += part;
    return text;
  }

  it("is received", async () => {
    const { post } = await serve();
    const request = post(BODY.length);
    request.end(BODY);
    expect(await answerOf(request)).toBe(`${BODY.length}`);
  });

  it("leaves the connection to the answer when it is too large", async () => {
    const { post } = await serve({ maxBytes: 1000 });
    const request = post(BODY.length);
    request.write(BODY.subarray(0, 100_000)); // the rest never comes
    expect(await answerOf(request)).toBe("BODY_TOO_LARGE");
    request.destroy();
    expect(await leftovers()).toEqual([]);
  });

  it("leaves nothing when the client goes away in the middle", async () => {
    const { post, fates } = await serve();
    const request = post(BODY.length);
    request.on("error", () => {});
    request.write(BODY.subarray(0, 100_000));
    while (fates.length === 0) await new Promise((resolve) => setImmediate(resolve));
    request.destroy();
    expect(await fates[0]).toMatchObject({ code: "UPLOAD_INVALID" });
    expect(await leftovers()).toEqual([]);
  });
});

it("300 MB are not held in memory", async () => {
  const block = Buffer.alloc(1_000_000, 7);
  let left = 300;
  const stream = new Readable({
    read() {
      this.push(left-- > 0 ? Buffer.from(block) : null);
    },
  });
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 2);
  const { bytes } = await receive(stream, { maxBytes: 300_000_000 });
  clearInterval(timer);
  expect(bytes).toBe(300_000_000);
  expect(most - before).toBeLessThan(100_000_000);
});

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

/** Read in large steps: a stream's default of 64 KiB takes three times as long for a .so of 300 MB. */
const READ_BYTES = 1024 * 1024;

/** The sha256 of what a file has, in hexadecimal. Of regular files only: reading anything else might never end. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, (await handle.stat()).size + 1));
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

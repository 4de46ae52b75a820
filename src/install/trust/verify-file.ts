import { open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { hasFormOf, startCheck } from "./signature-check.ts";
import type { TrustedKey } from "./trusted-key.ts";

/** Bytes that are hashed at one go, by all keys together: other work goes on in between. */
const HASHED_PER_TURN = 4 * 1024 * 1024;
const PART_BYTES = { min: 16 * 1024, max: 512 * 1024 };

/**
 * Finds the key that a signature of a file was made with. The file is read once, in parts, however many keys there
 * are; not at all when no key makes signatures of that form.
 *
 * @throws the signal's reason; the system's error when the file can't be read
 */
export async function findSigner(
  file: string,
  signature: Buffer,
  keys: readonly TrustedKey[],
  signal: AbortSignal,
): Promise<TrustedKey | undefined> {
  const candidates = keys.filter((key) => hasFormOf(signature, key));
  if (candidates.length === 0) return undefined;
  const checks = await Promise.all(candidates.map(async (key) => ({ key, check: await startCheck(key, signature) })));
  const size = Math.min(PART_BYTES.max, Math.max(PART_BYTES.min, Math.floor(HASHED_PER_TURN / checks.length)));
  for await (const part of partsOf(file, size)) {
    signal.throwIfAborted();
    for (const { check } of checks) check.update(part);
  }
  for (const { key, check } of checks) {
    signal.throwIfAborted();
    if (check.isValid()) return key;
    await nextTurn();
  }
  return undefined;
}

/** A part is valid until the next one is asked for. */
async function* partsOf(file: string, size: number): AsyncGenerator<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.allocUnsafeSlow(size);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, size, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

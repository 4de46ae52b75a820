import { open } from "node:fs/promises";
import { OPEN_WITHOUT_WAITING } from "../../lib/files.ts";

const STEP_BYTES = 64 * 1024;

/** Whether a file is the beginning of another one, and shorter: what is left of one that was being written. */
export async function isBeginningOf(file: string, whole: string): Promise<boolean> {
  await using part = await open(file, OPEN_WITHOUT_WAITING);
  await using all = await open(whole, OPEN_WITHOUT_WAITING);
  const { size } = await part.stat();
  if (size >= (await all.stat()).size) return false;
  const [ours, theirs] = [Buffer.alloc(STEP_BYTES), Buffer.alloc(STEP_BYTES)];
  for (let at = 0; at < size; at += STEP_BYTES) {
    const length = Math.min(STEP_BYTES, size - at);
    await part.read(ours, 0, length, at);
    await all.read(theirs, 0, length, at);
    if (!ours.subarray(0, length).equals(theirs.subarray(0, length))) return false;
  }
  return true;
}

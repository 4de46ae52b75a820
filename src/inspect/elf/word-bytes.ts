import type { Format } from "./fields.ts";

/** An address as a file has it. */
export function wordBytesOf(value: number, { wordBytes, littleEndian }: Format): Buffer {
  const bytes = Buffer.alloc(wordBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, wordBytes);
  if (wordBytes === 8) view.setBigUint64(0, BigInt(value), littleEndian);
  else view.setUint32(0, value, littleEndian);
  return bytes;
}

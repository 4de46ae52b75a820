import type { Format } from "./fields.ts";

/** Go's names of CPUs by `e_machine`, bits and byte order. */
const GO_ARCH: Readonly<Record<string, string>> = {
  "3/32/LE": "386",
  "8/32/BE": "mips",
  "8/32/LE": "mipsle",
  "8/64/BE": "mips64",
  "8/64/LE": "mips64le",
  "21/64/BE": "ppc64",
  "21/64/LE": "ppc64le",
  "22/64/BE": "s390x",
  "40/32/LE": "arm",
  "62/64/LE": "amd64",
  "183/64/LE": "arm64",
  "243/64/LE": "riscv64",
  "258/64/LE": "loong64",
};

/** As Go names it, or `e_machine 94 (32-bit, little-endian)` for what Go does not build for. */
export function cpuName(machine: number, { wordBytes, littleEndian }: Format): string {
  const bits = wordBytes * 8;
  const known = GO_ARCH[`${machine}/${bits}/${littleEndian ? "LE" : "BE"}`];
  return known ?? `e_machine ${machine} (${bits}-bit, ${littleEndian ? "little" : "big"}-endian)`;
}

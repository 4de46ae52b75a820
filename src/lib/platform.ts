import { endianness } from "node:os";

/** Node's names of CPUs that differ from Go's; `riscv64`, `s390x`, `loong64`, `arm`, `arm64` and `mips` are the same. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mipsel: "mipsle" };

/**
 * Go's name of a CPU: `amd64`, `arm64`, `arm`, `386`, `ppc64le`, …
 *
 * @param arch as Node names it: `x64`; by default the CPU that this process runs on
 */
export function goArch(arch: string = process.arch, byteOrder: "BE" | "LE" = endianness()): string {
  if (arch === "ppc64") return byteOrder === "LE" ? "ppc64le" : "ppc64";
  return GO_ARCH[arch] ?? arch;
}

/**
 * Whether a process with these /proc/<pid>/maps has musl for its C library. musl is one file, `ld-musl-<arch>.so.1` or,
 * where that is a link, `libc.so`; glibc's is `libc.so.6`. To look for the file in /lib would not do: Debian's package
 * `musl` puts one there too. `process.report` knows it as well, but takes 100 ms.
 */
export function mapsMusl(maps: string): boolean {
  return /\/(?:ld-musl-[^/\s]+|libc\.so)$/m.test(maps);
}

import { DF_1_PIE, DT, type Dynamic, newestGlibc } from "./elf/dynamic.ts";
import { type ElfImage, ET_EXEC } from "./elf/image.ts";

/** The C library that a file is linked to: `none` for a library without one, `static` for a program without one. */
export type Libc = "glibc" | "musl" | "none" | "static";

/** By the libraries that it asks for; by the versions of symbols when it asks for another one of glibc's. */
export function libcOf(image: ElfImage, dynamic: Dynamic | undefined, versions: readonly string[]): Libc {
  const needed = dynamic?.needed ?? [];
  if (needed.some((name) => /^libc\.so\.6/.test(name)) || newestGlibc(versions) !== "") return "glibc";
  // Alpine's name of musl, and its own; Android's has that too, but no Kuiper.
  if (needed.some((name) => /^libc\.musl-|^ld-musl-|^libc\.so$/.test(name))) return "musl";
  return isProgram(image, dynamic) && needed.length === 0 ? "static" : "none";
}

/** Whether it is to be started rather than loaded: position-independent programs have the type of libraries. */
export function isProgram(image: ElfImage, dynamic: Dynamic | undefined): boolean {
  return image.type === ET_EXEC || ((dynamic?.get(DT.FLAGS_1) ?? 0) & DF_1_PIE) !== 0;
}

import { createHash } from "node:crypto";
import type { ElfFormat, Relocation } from "./elf.ts";

/** Type data as Go's linker writes it since Go 1.17, with one interface of one method for each type of plugin. */

export const API = "github.com/lf-edge/ekuiper/pkg/api";
const INTERFACES = { Source: "Open", Sink: "Collect", Function: "Exec" } as const;
const RETURNED = { func: "Source", sink: "Sink", function: "Function" } as const;
const KIND = { int: 2, func: 19, interface: 20, pointer: 22 } as const;

export interface TypeBlob {
  readonly bytes: Buffer;
  /** Positions in the blob, also those of targets. */
  readonly relocations: readonly Required<Pick<Relocation, "at" | "target">>[];
  /** Where each interface is, by the symbol that Go 1.19 gives it. */
  readonly interfaces: Readonly<Record<string, number>>;
  /** Entries of `ptab`: the name's and the type's offset. */
  readonly table: readonly number[];
}

/**
 * @param symbols what a plugin exports: a function that returns `api.Source`, `api.Sink` or `api.Function`, a variable with the method of the first, or a
 *   number
 * @param methods how many the interfaces claim to have
 */
export function goTypes(
  format: ElfFormat,
  symbols: Readonly<Record<string, keyof typeof RETURNED | "variable" | "int">> = {},
  methods = 1,
  api = API,
): TypeBlob {
  const word = format.wordBytes;
  const parts: Buffer[] = [Buffer.alloc(8)];
  let length = 8;
  const relocations: { at: number; target: number }[] = [];
  const add = (bytes: Buffer): number => {
    const at = length;
    parts.push(bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8));
    length = at + Math.ceil(bytes.length / 8) * 8;
    return at;
  };
  const number = (value: number, size: number): Buffer => {
    const bytes = Buffer.alloc(size);
    const order = format.littleEndian ? "LE" : "BE";
    if (size === 2) bytes[`writeUInt16${order}`](value);
    else if (size === 4) bytes[`writeUInt32${order}`](value);
    else bytes[`writeBigUInt64${order}`](BigInt(value));
    return bytes;
  };
  const u32 = (...values: number[]) => Buffer.concat(values.map((value) => number(value, 4)));
  const name = (text: string) => add(Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]));
  const type = (kind: number, text: string, hash: number, rest: Buffer, flags = 0): number => {
    const str = name(text);
    const middle = Buffer.concat([u32(hash), Buffer.from([flags, 8, 8, kind])]);
    return add(Buffer.concat([Buffer.alloc(2 * word), middle, Buffer.alloc(2 * word), u32(str, 0), rest]));
  };
  const header = 4 * word + 16;

  const path = name(api);
  const interfaces: Record<string, number> = {};
  const offsets: Record<string, number> = {};
  const method = type(KIND.func, "func()", 77, Buffer.alloc(8));
  for (const [index, [text, called]] of Object.entries(INTERFACES).entries()) {
    const table = add(u32(name(called), method));
    const rest = Buffer.concat([Buffer.alloc(2 * word), number(methods, word), number(methods, word)]);
    const at = type(KIND.interface, `api.${text}`, index + 1, rest);
    relocations.push({ at: at + header, target: path }, { at: at + header + word, target: table });
    const mangled = createHash("sha256").update(`type.${api}.${text}`).digest();
    interfaces[`type.${Buffer.from(mangled.subarray(0, 6).map((byte) => ~byte)).toString("base64")}`] = at;
    offsets[text] = at;
  }

  const table: number[] = [];
  for (const [symbol, kind] of Object.entries(symbols)) {
    table.push(name(symbol));
    if (kind !== "variable" && kind !== "int") {
      const returned = RETURNED[kind];
      const at = type(
        KIND.func,
        `func() api.${returned}`,
        10,
        Buffer.concat([number(0, 2), number(1, 2), Buffer.alloc(2 * word)]),
      );
      relocations.push({ at: at + header + Math.ceil(4 / word) * word, target: offsets[returned] ?? 0 });
      table.push(at);
    } else {
      const own = Buffer.concat([u32(name("Open"), method, 0, 0)]);
      const uncommon = Buffer.concat([u32(0), number(1, 2), number(1, 2), u32(16, 0)]);
      const rest = kind === "int" ? Buffer.alloc(word) : Buffer.concat([Buffer.alloc(word), uncommon, own]);
      table.push(type(KIND.pointer, kind === "int" ? "*int" : "*main.source", 11, rest, kind === "int" ? 0 : 1));
    }
  }
  return { bytes: Buffer.concat(parts), relocations, interfaces, table };
}

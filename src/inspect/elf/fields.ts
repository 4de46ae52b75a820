/** How an ELF file writes its numbers. */
export interface Format {
  readonly littleEndian: boolean;
  /** 8 in a 64-bit file, 4 in a 32-bit one. */
  readonly wordBytes: 4 | 8;
}

const HIGH = 2 ** 32;

/** Numbers of a piece of an ELF file. */
export class Fields {
  readonly length: number;
  readonly format: Format;
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Buffer, format: Format) {
    this.length = bytes.length;
    this.format = format;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#little = format.littleEndian;
  }

  u16(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  /** A number above 2^53 loses its last bits, but stays far outside of every file. */
  u64(at: number): number {
    const first = this.#view.getUint32(at, this.#little);
    const second = this.#view.getUint32(at + 4, this.#little);
    return this.#little ? second * HIGH + first : first * HIGH + second;
  }

  /** An address, an offset or a size. */
  word(at: number): number {
    return this.format.wordBytes === 8 ? this.u64(at) : this.u32(at);
  }
}

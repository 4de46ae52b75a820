/*
 * A regular expression as a tree, as far as this project uses them. What one character matches is asked of the real
 * RegExp, so that no class or escape has to be understood here.
 */

export type Node =
  | { readonly kind: "character"; readonly matches: (character: string) => boolean }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "choice"; readonly nodes: readonly Node[] }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number; readonly lazy: boolean }
  | { readonly kind: "group"; readonly node: Node; readonly index: number }
  | { readonly kind: "look"; readonly node: Node; readonly behind: boolean; readonly negative: boolean }
  | { readonly kind: "start" | "end" | "boundary" }
  | { readonly kind: "reference"; readonly index: number };

export function parseExpression(source: string, flags: string): Node {
  const parser = new Parser(source, flags.replace(/[gyd]/g, ""));
  return parser.parse();
}

class Parser {
  readonly #source: string;
  readonly #flags: string;
  #at = 0;
  #groups = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#flags = flags;
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#source.length) throw this.#unknown();
    return node;
  }

  #choice(): Node {
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: "choice", nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source.charAt(this.#at))) {
      nodes.push(this.#quantified(this.#atom()));
    }
    return { kind: "sequence", nodes };
  }

  #quantified(node: Node): Node {
    const [whole, sign, least = "", comma, most] =
      /^(?:([*+?])|\{(\d+)(,)?(\d+)?\})/.exec(this.#source.slice(this.#at)) ?? [];
    if (whole === undefined) return node;
    this.#at += whole.length;
    const min = sign === undefined ? Number(least) : Number(sign === "+");
    const unbounded = sign === undefined ? comma !== undefined && most === undefined : sign !== "?";
    const bounded = sign === "?" ? 1 : Number(most ?? least);
    return { kind: "repeat", node, min, max: unbounded ? Number.POSITIVE_INFINITY : bounded, lazy: this.#take("?") };
  }

  #atom(): Node {
    const rest = this.#source.slice(this.#at);
    if (this.#take("^")) return { kind: "start" };
    if (this.#take("$")) return { kind: "end" };
    if (this.#take("\\b")) return { kind: "boundary" };
    if (this.#take("(")) return this.#group();
    const [, reference] = /^\\([1-9])/.exec(rest) ?? [];
    if (reference !== undefined) {
      this.#at += 2;
      return { kind: "reference", index: Number(reference) };
    }
    const [one] =
      /^(?:\[(?:\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\.|[^\\()[\]{}*+?|])/isu.exec(
        rest,
      ) ?? [];
    if (one === undefined) throw this.#unknown();
    this.#at += one.length;
    const expression = new RegExp(`^(?:${one})$`, this.#flags.replace("m", ""));
    const known = new Map<string, boolean>();
    const matches = (character: string) => {
      const answer = known.get(character) ?? expression.test(character);
      known.set(character, answer);
      return answer;
    };
    return { kind: "character", matches };
  }

  #group(): Node {
    const [, behind, sign] = /^\?(<)?([=!])/.exec(this.#source.slice(this.#at)) ?? [];
    if (sign !== undefined) {
      this.#at += behind === undefined ? 2 : 3;
      return { kind: "look", node: this.#closed(), behind: behind !== undefined, negative: sign === "!" };
    }
    if (this.#take("?:")) return this.#closed();
    if (this.#source.startsWith("?", this.#at)) throw this.#unknown();
    this.#groups += 1;
    const index = this.#groups;
    return { kind: "group", node: this.#closed(), index };
  }

  #closed(): Node {
    const node = this.#choice();
    if (!this.#take(")")) throw this.#unknown();
    return node;
  }

  #take(text: string): boolean {
    const isThere = this.#source.startsWith(text, this.#at);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #unknown(): Error {
    return new Error(`extend this parser: it does not know what is at ${this.#at} of /${this.#source}/`);
  }
}

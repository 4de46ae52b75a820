/** As much as the server keeps of what an install.sh prints. */
const KEPT_CHARACTERS = 64 * 1024;
/** So much of the end of what was seen is looked for in what comes again. */
const OVERLAP = 1024;

/** What install.sh has printed: a stream that is taken up again begins with what was there before. */
export class ScriptOutput {
  #seen = "";
  #total = 0;
  /** Characters that come again; undefined when all is new. */
  #again: number | undefined;

  /** A new stream begins. */
  rewind(): void {
    this.#again = this.#total === 0 ? undefined : this.#total;
  }

  /** The part of it that was not seen yet. */
  news(text: string): string {
    const fresh = this.#again === undefined ? text : this.#behindSeen(text, this.#again);
    this.#total += fresh.length;
    this.#seen = (this.#seen + fresh).slice(-OVERLAP);
    return fresh;
  }

  #behindSeen(text: string, again: number): string {
    if (this.#total < KEPT_CHARACTERS / 4) {
      // Nothing was dropped at the server, whatever the bytes of a character: what comes begins at the beginning.
      const skipped = Math.min(again, text.length);
      this.#again = again - skipped || undefined;
      return text.slice(skipped);
    }
    this.#again = undefined;
    const at = text.lastIndexOf(this.#seen);
    return at < 0 ? text : text.slice(at + this.#seen.length);
  }
}

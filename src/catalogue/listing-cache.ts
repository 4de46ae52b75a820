/** The longest time that a failure, or a value with something missing, is kept: a mended host shows soon. */
const INCOMPLETE_SECONDS = 5;

interface ListingCacheOptions<V> {
  /** How long a complete value is kept, from when it is there; 0 keeps nothing. */
  readonly seconds: number;
  readonly isComplete: (value: V) => boolean;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

interface ListingCache<K, V> {
  /** The kept value of `key`, or that of `load`, which never runs twice for one key at the same time. */
  get(key: K, load: () => Promise<V>): Promise<V>;
}

/** Keeps values and failures for a while. It has no bound on keys: give it a type that has few. */
export function createListingCache<K, V>({ seconds, isComplete, now }: ListingCacheOptions<V>): ListingCache<K, V> {
  const kept = new Map<K, { value: Promise<V>; until: number }>();
  const until = (complete: boolean) => now() + (complete ? seconds : Math.min(seconds, INCOMPLETE_SECONDS)) * 1000;

  return {
    get(key, load) {
      const held = kept.get(key);
      if (held !== undefined && now() < held.until) return held.value;
      const entry = { value: load(), until: Number.POSITIVE_INFINITY };
      kept.set(key, entry);
      entry.value.then(
        (value) => {
          entry.until = until(isComplete(value));
        },
        () => {
          entry.until = until(false);
        },
      );
      return entry.value;
    },
  };
}

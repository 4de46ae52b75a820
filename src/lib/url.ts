/**
 * The URL that `input` is, relative to `base` where there is one; undefined where it is none.
 *
 * Not URL.canParse: on Node 20 and 22, once it has been called about two thousand times, it says no to every URL with a
 * letter such as ü.
 */
export function parseUrl(input: string, base?: string | URL): URL | undefined {
  try {
    return new URL(input, base);
  } catch {
    return undefined;
  }
}

/**
 * Files that are worked on at once. Of a small file nearly all the time is handing its operations to libuv's four threads
 * and back: twice as many keep these busy, and are few enough file descriptors and buffers.
 */
const FILES_AT_ONCE = 8;

/**
 * Does the work for a few items at once, beginning in their order; the results are in that order too.
 *
 * When one fails, no other is begun, those behind it are told to end (`stopIfFailed`), and those before it are waited
 * for: the error is that of the first item in order, as if each had waited for the one before. When this settles, no work
 * is in progress.
 *
 * @param work long work calls `stopIfFailed` now and then, which throws once the work is of no use
 * @param options.atOnce 1 does one after the other
 */
export async function mapInParallel<T, R>(
  items: Iterable<T>,
  work: (item: T, stopIfFailed: () => void) => Promise<R>,
  { atOnce = FILES_AT_ONCE }: { readonly atOnce?: number } = {},
): Promise<R[]> {
  const all = [...items];
  const results = new Array<R>(all.length);
  let next = 0;
  let failed = all.length;
  let reason: unknown;
  const takeTurns = async () => {
    while (next < failed) {
      const index = next++;
      const stopIfFailed = () => {
        if (failed < index) throw reason;
      };
      try {
        results[index] = await work(all[index] as T, stopIfFailed);
      } catch (error) {
        if (index >= failed) continue;
        failed = index;
        reason = error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, takeTurns));
  if (failed < all.length) throw reason;
  return results;
}

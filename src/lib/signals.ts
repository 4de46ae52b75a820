/**
 * Runs `work` with a signal that follows `parent` and is aborted with `reason()` after `ms` milliseconds. Nothing is
 * left behind on `parent` afterwards.
 *
 * @param reason asked when the time is over; undefined gives as much time again
 * @param work may call `restart` to have the whole time before it again
 */
export async function withTimeLimit<T>(
  parent: AbortSignal,
  ms: number,
  reason: () => Error | undefined,
  work: (signal: AbortSignal, restart: () => void) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  const controller = new AbortController();
  const follow = () => controller.abort(parent.reason);
  const timer = setTimeout(() => {
    const over = reason();
    if (over === undefined) timer.refresh();
    else controller.abort(over);
  }, ms);
  parent.addEventListener("abort", follow, { once: true });
  try {
    return await work(controller.signal, () => timer.refresh());
  } finally {
    clearTimeout(timer);
    parent.removeEventListener("abort", follow);
  }
}

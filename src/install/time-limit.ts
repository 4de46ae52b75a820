/**
 * Runs `work` with a signal that follows `parent` and is aborted with `reason()` after `ms` milliseconds. Nothing is
 * left behind on `parent` afterwards.
 */
export async function withTimeLimit<T>(
  parent: AbortSignal,
  ms: number,
  reason: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  const controller = new AbortController();
  const follow = () => controller.abort(parent.reason);
  const timer = setTimeout(() => controller.abort(reason()), ms);
  parent.addEventListener("abort", follow, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    parent.removeEventListener("abort", follow);
  }
}

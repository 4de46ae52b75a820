/**
 * This process stands still from the next turn of the event loop on, as one that gets SIGSTOP: what comes meanwhile is met
 * by timers that are over.
 */
export function stall(ms: number): Promise<void> {
  return new Promise((resolve) =>
    setImmediate(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      resolve();
    }),
  );
}

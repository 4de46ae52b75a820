/** Something that happens once: what waits for it, and what brings it about. */
export function signal(): [promise: Promise<void>, resolve: () => void] {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return [promise, resolve];
}

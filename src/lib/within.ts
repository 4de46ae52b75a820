import { PatientTimer } from "./patient-timer.ts";

/**
 * Waits for a promise, but not longer than that: it goes on, and the other value is taken in its place.
 *
 * @throws what the promise is rejected with in time
 */
export async function within<T>(promise: Promise<T>, ms: number, otherwise: T): Promise<T> {
  let timer: PatientTimer | undefined;
  const late = new Promise<T>((resolve) => {
    timer = new PatientTimer(ms, () => resolve(otherwise));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer?.stop();
  }
}

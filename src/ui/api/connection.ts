import { signal } from "@preact/signals";

/** Whether the server answers: false from the first request that got no answer until one gets one. */
export const isReachable = signal(true);

export function serverAnswered(): void {
  isReachable.value = true;
}

export function serverIsAway(): void {
  isReachable.value = false;
}

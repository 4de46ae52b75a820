import { signal } from "@preact/signals";

/** What screen readers are told: one sentence, said when it changes. */
export const announcement = signal("");

export function announce(sentence: string): void {
  announcement.value = sentence;
}

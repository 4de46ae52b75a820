import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { isReachable } from "../api/connection.ts";
import { type ApiFailure, asFailure, isSaidElsewhere } from "../api/failure.ts";

/** What a view shows of the server, kept up to date while somebody looks at it. */
export interface Resource<T> {
  /** The last answer; it stays while the server is away. */
  readonly data: ReadonlySignal<T | undefined>;
  /** Why the last question failed. */
  readonly failure: ReadonlySignal<ApiFailure | undefined>;
  /** Asks at once. */
  readonly refresh: () => void;
}

interface ResourceOptions {
  /** Seconds between an answer and the next question; 0 asks once. Hidden tabs ask nothing. */
  readonly every: number;
}

/** How soon a server that is away is asked again. */
const AWAY_SECONDS = 2;

/**
 * @param load asks; its signal fires when the view goes
 * @param key what is asked for: another key is another question
 */
export function useResource<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  { every }: ResourceOptions,
): Resource<T> {
  // The key stands for what `load` asks.
  const resource = useMemo(() => new Asked(load, every), [key, every]);
  useEffect(() => resource.start(), [resource]);
  return resource;
}

/** The failure that a view shows beside what was said last, which is old then. */
export function staleness({ data, failure }: Pick<Resource<unknown>, "data" | "failure">): ApiFailure | undefined {
  const failed = failure.value;
  const isSaid = failed !== undefined && isSaidElsewhere(failed);
  return isSaid && data.value !== undefined ? undefined : failed;
}

const open = new Set<{ refresh(): void }>();

/** Asks all questions of the view anew: somebody else may see something else. */
export function refreshAll(): void {
  for (const resource of open) resource.refresh();
}

class Asked<T> implements Resource<T> {
  readonly data = signal<T | undefined>(undefined);
  readonly failure = signal<ApiFailure | undefined>(undefined);
  readonly #load: (signal: AbortSignal) => Promise<T>;
  readonly #every: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;
  #last = "";

  constructor(load: (signal: AbortSignal) => Promise<T>, every: number) {
    this.#load = load;
    this.#every = every;
  }

  start(): () => void {
    const onVisible = () => (document.hidden ? this.#stop() : this.refresh());
    document.addEventListener("visibilitychange", onVisible);
    open.add(this);
    if (!document.hidden) this.refresh();
    return () => {
      open.delete(this);
      document.removeEventListener("visibilitychange", onVisible);
      this.#stop();
    };
  }

  readonly refresh = () => {
    this.#stop();
    const asking = new AbortController();
    this.#asking = asking;
    this.#load(asking.signal).then(
      (data) => asking.signal.aborted || this.#take(data),
      (error) => asking.signal.aborted || this.#fail(asFailure(error)),
    );
  };

  /** Views are drawn again only where something has changed. */
  #take(data: T): void {
    const text = JSON.stringify(data);
    if (text !== this.#last) this.data.value = data;
    this.#last = text;
    this.failure.value = undefined;
    this.#again(this.#every);
  }

  #fail(failure: ApiFailure): void {
    this.failure.value = failure;
    if (failure.code === "UNAUTHENTICATED") return; // asked again with the next token: each refusal is a line of the audit
    this.#again(isReachable.peek() ? this.#every : AWAY_SECONDS);
  }

  #again(seconds: number): void {
    if (seconds > 0) this.#timer = setTimeout(() => this.refresh(), seconds * 1000);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }
}

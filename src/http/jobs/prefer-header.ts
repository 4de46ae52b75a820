/** What a client prefers, of what this server knows (RFC 7240). */
export interface Preferences {
  /** It would rather follow a long change than wait for its answer. */
  readonly respondAsync: boolean;
  /** Seconds that it would wait all the same; 0 where it does not say. */
  readonly waitSeconds: number;
}

/** Longer than that no client is kept waiting, whatever it asks for. */
const MOST_WAIT_SECONDS = 60;

/** One preference of a list, up to its comma; a comma in quotes is part of it. */
const PREFERENCE = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/gs;

/** Reads a Prefer header, in which lines that were sent apart are joined by commas. What it does not know, it leaves. */
export function parsePreferences(header: string | undefined): Preferences {
  const values = new Map<string, string>();
  for (const [preference] of (header ?? "").matchAll(PREFERENCE)) {
    const [definition = ""] = preference.split(";"); // what follows are parameters, and we know of none
    const [name = "", ...value] = definition.split("=");
    const key = name.trim().toLowerCase();
    if (!values.has(key)) values.set(key, unquoted(value.join("=").trim())); // the first one counts
  }
  const wait = values.get("wait") ?? "";
  return {
    respondAsync: values.get("respond-async") === "",
    waitSeconds: /^\d+$/.test(wait) ? Math.min(MOST_WAIT_SECONDS, Number(wait)) : 0,
  };
}

function unquoted(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1) : value;
}

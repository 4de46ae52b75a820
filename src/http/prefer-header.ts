/** The preferences that this server knows (RFC 7240). */
interface Preferences {
  /** The client follows a long change rather than waiting for its result. */
  readonly respondAsync: boolean;
  /** Seconds for which the client waits all the same; 0 by default. */
  readonly waitSeconds: number;
}

/** The longest that a client is kept waiting, whatever it asks for. */
const MAX_WAIT_SECONDS = 60;

/** A client has a few preferences; what is behind this is not read. */
const MAX_LENGTH = 1024;

/** One preference of a list, up to its comma; a comma in quotes is part of it. */
const PREFERENCE = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/gs;

/** Reads a Prefer header, its lines joined by commas. Ignores unknown preferences. */
export function parsePreferences(header: string | undefined): Preferences {
  const values = new Map<string, string>();
  for (const [preference] of (header ?? "").slice(0, MAX_LENGTH).matchAll(PREFERENCE)) {
    const [definition = ""] = preference.split(";"); // the rest are parameters, which are ignored
    const [name = "", ...value] = definition.split("=");
    const key = name.trim().toLowerCase();
    if (!values.has(key)) values.set(key, unquoted(value.join("=").trim())); // the first one counts
  }
  const wait = values.get("wait") ?? "";
  return {
    respondAsync: values.get("respond-async") === "",
    waitSeconds: /^\d+$/.test(wait) ? Math.min(MAX_WAIT_SECONDS, Number(wait)) : 0,
  };
}

function unquoted(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1) : value;
}

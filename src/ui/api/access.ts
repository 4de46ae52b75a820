import { computed, signal } from "@preact/signals";
import { tokenIn } from "../../domain/token-text.ts";

/**
 * What this browser may do. A server without tokens asks for none. With tokens it answers 401, and the page asks its user
 * for one; it is kept until the tab is closed.
 */
const KEY = "kuiper-plugins.token";

export const token = signal(read());

/** The server's sentence, while it wants a token, or another one; undefined otherwise. */
export const tokenWanted = signal<string | undefined>(undefined);

/** The token that was not allowed to write, whatever its scope says. */
const forbidden = signal("");

/** Whether changes may be offered. A token without a scope may do everything. */
export const mayWrite = computed(() => {
  if (token.value === "") return true;
  if (forbidden.value === token.value) return false;
  const scope = scopeOf(token.value);
  return scope === undefined || scope.split(" ").includes("write");
});

export function setToken(value: string): void {
  token.value = tokenIn(value);
  tokenWanted.value = undefined;
  try {
    if (token.value === "") sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token.value);
  } catch {
    // storage may be switched off: then a reload asks again
  }
}

/** @param used the token of that request: a late answer to an old one says nothing of the present one */
export function tokenWasRefused(used: string, reason: string): void {
  if (used === token.value) tokenWanted.value = reason;
}

export function tokenWasForbidden(used: string): void {
  forbidden.value = used;
}

function read(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** What the token itself says; it is the server that checks it. */
function scopeOf(jwt: string): string | undefined {
  try {
    const [, payload = ""] = jwt.split(".");
    const { scope } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof scope === "string" ? scope : undefined;
  } catch {
    return undefined;
  }
}

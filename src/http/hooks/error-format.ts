import type { Config } from "../../config/schema.ts";

/** Whether an error is sent as JSON to a client with that Accept header, rather than as one line of text. */
export type ErrorFormat = (accept: string | undefined) => boolean;

/**
 * The format of errors by `http.errors`.
 *
 * @param engineVersion of the engine in front of which this server stands, as it was seen last
 */
export function createErrorFormat(
  setting: Config["http"]["errors"],
  engineVersion: () => string | undefined,
): ErrorFormat {
  if (setting !== "auto") return () => setting === "json";
  return (accept) => asksForJson(accept) || hasJsonErrors(engineVersion());
}

/** Whether an Accept header names JSON itself; `*` + `/*` does not, since every client sends that. */
function asksForJson(accept: string | undefined): boolean {
  return (accept ?? "").split(",").some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return (
      /^application\/([^/]+\+)?json$/.test(type) && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
    );
  });
}

/** Since 1.13 an engine's errors have a `message`, and its clients read that. */
function hasJsonErrors(version: string | undefined): boolean {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})/.exec(version ?? "") ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 13);
}

const VERSION = /^v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?/;

/**
 * Whether an engine's version, as `GET /` says it, is that one or later. A pre-release counts as its release, and what is no
 * version, such as that of an own build, as the latest.
 */
export function isVersionFrom(version: string, ...[major, minor, patch = 0]: [number, number, number?]): boolean {
  const found = VERSION.exec(version);
  if (found === null) return true;
  const [, first, second, third = "0"] = found;
  return (Number(first) - major || Number(second) - minor || Number(third) - patch) >= 0;
}

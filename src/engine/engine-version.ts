/**
 * Whether an engine is of that version or later. A pre-release counts as its release. One that does not say its version, such
 * as a build of a developer, is taken for a new one.
 *
 * @param version `1.0.2`, `v2.1.0-beta.1`, `1.13.3-12-g0123abc`
 */
export function isFrom(version: string, major: number, minor: number, patch = 0): boolean {
  const [, first, second, third = "0"] = /^v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?/.exec(version) ?? [];
  if (first === undefined) return true;
  return (Number(first) - major || Number(second) - minor || Number(third) - patch) >= 0;
}

/** Whether it opens every .so on startup and at an install, and leaves out of its list what does not open. */
export function opensAtStart(version: string): boolean {
  return isFrom(version, 1, 6);
}

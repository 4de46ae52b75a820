const SO_SUFFIX = ".so";

/** What the file name of a plugin's .so says: `Random@v1.0.0.so` is version `1.0.0` of `random`. */
export interface SoFile {
  readonly fileName: string;
  /** The part before `@`, with its first letter in lower case. */
  readonly name: string;
  /** The part between the first `@` and `.so`, without one leading `v`; empty when there is none. */
  readonly version: string;
}

/** Reads a file name as the engine does, or returns undefined when it does not end in `.so`. */
export function parseSoFileName(fileName: string): SoFile | undefined {
  if (!fileName.endsWith(SO_SUFFIX)) return undefined;
  const stem = fileName.slice(0, -SO_SUFFIX.length);
  const at = stem.indexOf("@");
  const exported = at === -1 ? stem : stem.slice(0, at);
  if (exported === "") return undefined;
  const tag = at === -1 ? "" : stem.slice(at + 1);
  return {
    fileName,
    name: exported.charAt(0).toLowerCase() + exported.slice(1),
    version: tag.startsWith("v") ? tag.slice(1) : tag,
  };
}

/** Whether `fileName` is a .so of the plugin `name`: `random.so`, `Random.so`, either with `@version`. */
export function isSoFileOf(fileName: string, name: string): boolean {
  return parseSoFileName(fileName)?.name === name;
}

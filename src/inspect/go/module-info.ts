/** A module that a program is built of. */
export interface GoModule {
  readonly path: string;
  /** Such as `v1.2.3`; `(devel)` for one built from a folder. */
  readonly version: string;
  /** The path of the module or the folder that stands in for it, `""` when none does. `version` is that one's then. */
  readonly replacedBy: string;
}

export interface ModuleInfo {
  /** The program's own module. */
  readonly main: GoModule | undefined;
  readonly dependencies: readonly GoModule[];
  /** How it was built, such as `-trimpath`: `true`; since Go 1.18. */
  readonly settings: ReadonlyMap<string, string>;
}

/** A large program has some hundreds. */
const MAX_MODULES = 5000;
const MAX_SETTINGS = 200;

/** Reads the lines that `go version -m` shows. Lines that are not as they should be are passed over. */
export function parseModuleInfo(text: string): ModuleInfo {
  let main: GoModule | undefined;
  const dependencies: GoModule[] = [];
  const settings = new Map<string, string>();
  let last: "main" | "dependency" | undefined;
  for (const line of text.split("\n")) {
    const [kind, path = "", version = ""] = line.split("\t");
    if (kind === "mod") {
      main = { path, version, replacedBy: "" };
      last = "main";
    } else if (kind === "dep" && dependencies.length < MAX_MODULES) {
      dependencies.push({ path, version, replacedBy: "" });
      last = "dependency";
    } else if (kind === "=>" && last === "main") {
      main = main && replaced(main, path, version);
    } else if (kind === "=>" && last === "dependency") {
      const module = dependencies.pop();
      if (module !== undefined) dependencies.push(replaced(module, path, version));
    } else if (kind === "build" && settings.size < MAX_SETTINGS) {
      const equals = path.indexOf("=");
      if (equals > 0) settings.set(path.slice(0, equals), path.slice(equals + 1));
    }
  }
  return { main, dependencies, settings };
}

function replaced(module: GoModule, path: string, version: string): GoModule {
  // A folder has no version.
  return { path: module.path, version: version === "" ? "(devel)" : version, replacedBy: path };
}

/** The module that a package belongs to, by path: the one with the longest path that the package's begins with. */
export function moduleOf(importPath: string, modules: ReadonlyMap<string, GoModule>): GoModule | undefined {
  for (let path = importPath; path !== ""; path = path.slice(0, Math.max(0, path.lastIndexOf("/")))) {
    const module = modules.get(path);
    if (module !== undefined) return module;
  }
  return undefined;
}

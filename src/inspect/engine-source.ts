import { type EngineFacts, readEngine } from "./engine-facts.ts";
import { type EngineFile, enginePaths, findEngineFiles } from "./engine-file.ts";

/** The configured engine and a few that requests name. */
const REMEMBERED = 4;

/** The engine to compare with. */
export interface Engine {
  /** `""` when there is no file. */
  readonly identity: string;
  /** Or a sentence about why there is nothing to compare with. */
  readonly facts: EngineFacts | string;
}

/** Gives an engine's facts, which it reads again only when the file has changed. */
export type EngineSource = (binary?: string) => Promise<Engine>;

/** @param configured `engine.binary` */
export function createEngineSource(configured: string, baseFolder: string): EngineSource {
  const known = new Map<string, Promise<EngineFacts | string>>();

  const factsOf = ({ path, identity }: EngineFile): Promise<EngineFacts | string> => {
    const key = `${identity} ${path}`;
    const facts = known.get(key) ?? readEngine(path);
    known.delete(key);
    known.set(key, facts); // the last one is the one that was used last
    const oldest = known.keys().next();
    if (known.size > REMEMBERED && !oldest.done) known.delete(oldest.value);
    // What kept it from being read may pass.
    facts.then((result) => typeof result === "string" && known.delete(key));
    return facts;
  };

  return async (binary = configured) => {
    const paths = enginePaths(binary, baseFolder);
    const files = await findEngineFiles(paths);
    const [first] = files;
    if (first === undefined) return { identity: "", facts: absent(paths) };
    for (const file of files) {
      const facts = await factsOf(file);
      if (typeof facts !== "string" && (facts.symbols !== undefined || file.isCertain)) {
        return { identity: file.identity, facts };
      }
    }
    const facts = await factsOf(first);
    return {
      identity: first.identity,
      facts: typeof facts === "string" ? facts : `${first.path} loads no plugins, so it is not the engine`,
    };
  };
}

function absent(paths: readonly { path: string }[]): string {
  const shown = paths.map(({ path }) => path).join(", ");
  return paths.length === 1 ? `the engine's file ${shown} is not there` : `there is no engine's file ${shown}`;
}

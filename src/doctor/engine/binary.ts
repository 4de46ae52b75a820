import { createEngineSource } from "../../inspect/engine.ts";
import { readSystemFacts } from "../../inspect/system/system-facts.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

/** The engine's executable, with which plugins are compared. */
export async function* engineBinary({ config, base, env }: Situation): AsyncIterable<Observation> {
  const { binary, verify, libraryPath } = config.engine;
  if (verify === "off") return yield skipped("engine.verify is off: plugins are not compared with the engine");
  const { facts } = await createEngineSource(binary, base)();
  if (typeof facts === "string") {
    const advice = "set engine.binary to the engine's executable, which the server's user must be able to read";
    const message = `no verdict on a plugin is possible: ${facts}`;
    return yield binary === "" ? warning(message, advice) : failure(message, advice);
  }
  const { path, goVersion, cpu, libc, symbols } = facts;
  const about = `${path} (${goVersion || "unknown Go"}, ${cpu}, ${libc})`;
  if (symbols === undefined) {
    const advice = "an engine has to be built with CGO_ENABLED=1 and without the tag that leaves out plugins";
    return yield failure(`${about} can't load plugins`, advice);
  }
  const system = await readSystemFacts(libraryPath || (env.LD_LIBRARY_PATH ?? ""));
  if (system.cpu !== cpu) {
    yield warning(`${about} is for another CPU than this machine's (${system.cpu})`, "name the engine of this machine");
  } else yield ok(about);
}

import { PluginError } from "../domain/errors.ts";
import { exceededShape } from "../lib/json-shape.ts";

/** What a body may have as JSON, besides its bytes. */
export interface JsonLimits {
  /** Lists and objects in each other. */
  readonly maxBodyDepth: number;
  /** Items of lists and members of objects, all together. */
  readonly maxBodyValues: number;
}

/**
 * Refuses JSON that would cost far more than its bytes.
 *
 * @throws PluginError BODY_INVALID, BODY_TOO_LARGE
 */
export function checkJsonShape(text: string, { maxBodyDepth, maxBodyValues }: JsonLimits): void {
  const exceeded = exceededShape(text, { depth: maxBodyDepth, values: maxBodyValues });
  if (exceeded === "depth") throw tooDeep(maxBodyDepth);
  if (exceeded === "values") throw tooMany(maxBodyValues);
}

function tooDeep(max: number): PluginError {
  return new PluginError("BODY_INVALID", `it has lists or objects more than ${max} levels deep (http.maxBodyDepth)`);
}

function tooMany(max: number): PluginError {
  return new PluginError("BODY_TOO_LARGE", `the body has more than ${max} values (http.maxBodyValues)`);
}

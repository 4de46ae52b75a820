import { PluginError } from "../domain/errors.ts";
import { printable } from "../domain/printable.ts";

/** File systems take 255 bytes; some tools add to a name. */
const MAX_BYTES = 200;
const MAX_SHOWN = 40;

/**
 * The rule for the name of an uploaded file: one plain file name that leads nowhere else and is not hidden.
 *
 * @throws PluginError NAME_INVALID
 */
export function checkUploadName(name: string): string {
  const objection = objectionTo(name);
  if (objection === undefined) return name;
  const shown = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  throw new PluginError("NAME_INVALID", `invalid name ${printable(shown)}: ${objection}`);
}

/** Whether a file in the folder is one that could have been uploaded. */
export function isUploadName(name: string): boolean {
  return objectionTo(name) === undefined;
}

function objectionTo(name: string): string | undefined {
  if (name.trim() === "") return "should not be empty";
  if (name.startsWith(".")) return "should not begin with a dot";
  if (/[/\\]/.test(name)) return "should be the name of one file, without folders";
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return "should have no control characters";
  const bytes = Buffer.byteLength(name);
  return bytes > MAX_BYTES ? `should have at most ${MAX_BYTES} bytes, this has ${bytes}` : undefined;
}

import { HOSTILE_FRAMES } from "./hostile-zips/frame.ts";
import { HOSTILE_HEADERS } from "./hostile-zips/headers.ts";
import { HOSTILE_KINDS } from "./hostile-zips/kinds.ts";
import type { HostileZip } from "./hostile-zips/kit.ts";
import { HOSTILE_NAMES } from "./hostile-zips/names.ts";
import { HOSTILE_OVERLAPS } from "./hostile-zips/overlaps.ts";
import { HOSTILE_SIZES } from "./hostile-zips/sizes.ts";

/**
 * Zips of the source plugin `random` that are to be refused, each for one reason, and zips that only look odd and are
 * to be accepted. They are meant for `HOSTILE_LIMITS`.
 */
export const HOSTILE_ZIPS: readonly HostileZip[] = [
  ...HOSTILE_NAMES,
  ...HOSTILE_KINDS,
  ...HOSTILE_SIZES,
  ...HOSTILE_HEADERS,
  ...HOSTILE_OVERLAPS,
  ...HOSTILE_FRAMES,
];

export { type AcceptedZip, AMBIGUOUS_BUT_ACCEPTED } from "./hostile-zips/accepted.ts";
export {
  goodData,
  goodEntries,
  goodZip,
  HOSTILE_LIMITS,
  type HostileZip,
  SO_NAME,
  YAML_NAME,
} from "./hostile-zips/kit.ts";
export { TOOL_ZIPS, type ToolZip } from "./hostile-zips/tools.ts";

import { checkPluginName } from "./name.ts";
import type { PluginId, PluginType } from "./plugin.ts";
import { checkPluginUri, type PluginUri } from "./plugin-uri.ts";

/** A checked order to install: the name follows the name rule, the URI is a zip over http, https or file. */
export interface InstallRequest {
  readonly id: PluginId;
  readonly uri: PluginUri;
  /** Arguments of install.sh, each passed as one argument. */
  readonly shellParas: readonly string[];
  /** Names of the functions that a function plugin exports; empty for the other types. */
  readonly functions: readonly string[];
}

/** What a client orders, as it came: of the right form, but nothing in it has been checked. */
export interface InstallOrder {
  readonly name?: string | null;
  readonly file?: string | null;
  readonly shellParas?: readonly string[] | null;
  readonly functions?: readonly string[] | null;
}

/**
 * Checks an order against the rules for names and addresses.
 *
 * @throws PluginError NAME_INVALID or URI_INVALID
 */
export function checkInstallOrder(type: PluginType, order: InstallOrder): InstallRequest {
  return {
    id: { type, name: checkPluginName(order.name) },
    uri: checkPluginUri(order.file),
    shellParas: order.shellParas ?? [],
    // Only function plugins export functions; for the others the field means nothing, like any unknown one.
    functions: type === "functions" ? (order.functions ?? []) : [],
  };
}

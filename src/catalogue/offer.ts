import type { PluginId } from "../domain/plugin.ts";

/** A plugin that a host offers for this system. */
export interface Offer {
  readonly name: string;
  /** Of the zip, with the credentials of the settings left out. */
  readonly url: string;
  /** The host as the settings name it, without credentials. */
  readonly host: string;
}

/** A host of which plugins may be missing. */
export interface HostFailure {
  readonly host: string;
  /** What was asked; the same as `host`, which has a page for each type. */
  readonly url: string;
  readonly reason: string;
}

/** An offer beside what is installed. */
export interface OfferDetails extends PluginId, Offer {
  /** null where the host's page does not say it. */
  readonly version: string | null;
  /** null where the plugin is not installed; "" for a version without a number. */
  readonly installed: string | null;
  /** Whether the offered version is above the installed one; null where that is not known. */
  readonly newer: boolean | null;
  /** A page of links says nothing of what a plugin was built with: an inspection does. */
  readonly loads: "unknown";
}

/** @param installed undefined where the plugin is not installed */
export function describeOffer(
  type: PluginId["type"],
  { name, url, host }: Offer,
  installed: string | undefined,
): OfferDetails {
  // A page of links names files, and these have no version.
  return { type, name, version: null, url, host, installed: installed ?? null, newer: null, loads: "unknown" };
}

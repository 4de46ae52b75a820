import { readFile } from "node:fs/promises";
import { GoWorkshop } from "../support/go-workshop.ts";
import type { PluginContents } from "../support/plugin-zip.ts";

/** Plugins of the engine-like host, see its folder `plugins`; `unfit` is `random` as another build would have it. */
const PLUGINS = ["random", "random2", "nodevice", "fatal", "sinky", "numbers"] as const;
export type HostPlugin = (typeof PLUGINS)[number] | "unfit";

/** The engine-like host and its plugins, built with the Go that is installed. */
export interface HostBuild {
  /** The path of the host's program. */
  readonly program: string;
  /** A plugin's zip around the .so. */
  contents(plugin: HostPlugin, version?: string): PluginContents;
}

/** Takes about half a minute where nothing is cached. */
export async function buildHost(folder: string): Promise<HostBuild> {
  const workshop = await GoWorkshop.open(folder);
  const program = await workshop.build({ module: "host", path: ".", mode: "exe" });
  const built = new Map<HostPlugin, Buffer>();
  for (const name of PLUGINS) {
    built.set(name, await readFile(await workshop.build({ module: "host", path: `plugins/${name}` })));
  }
  built.set(
    "unfit",
    await readFile(await workshop.build({ module: "host", path: "plugins/random2", trimpath: false })),
  );
  return {
    program,
    contents: (plugin, version = "1.0.0") => {
      const soContent = built.get(plugin);
      if (soContent === undefined) throw new Error(`${plugin} is not built`);
      if (plugin === "sinky") return { type: "sinks", name: "sinky", version, soContent };
      const functions = [{ name: "double" }, { name: "half" }];
      const json = JSON.stringify({ about: {}, name: "numbers", functions });
      if (plugin === "numbers") return { type: "functions", name: "numbers", version, soContent, json };
      return { type: "sources", name: "random", version, soContent };
    },
  };
}

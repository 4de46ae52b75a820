import { expect, it } from "vitest";
import { Layout } from "../../src/store/layout.ts";

const layout = new Layout("/opt/kuiper");

it.each([
  [layout.configFile, "/opt/kuiper/etc/kuiper.yaml"],
  [layout.registryFile, "/opt/kuiper/plugins/registry.json"],
  [layout.volume("plugins"), "/opt/kuiper/plugins"],
  [layout.soFolder("sinks"), "/opt/kuiper/plugins/sinks"],
  [layout.etcFolder("sinks"), "/opt/kuiper/etc/sinks"],
  [layout.changesFolder("etc"), "/opt/kuiper/etc/.changes"],
  [layout.versionsFolder("etc"), "/opt/kuiper/etc/.versions"],
  [layout.keptFile("plugins", "ab"), "/opt/kuiper/plugins/.versions/ab"],
  [layout.absolute("etc/sources/a/b"), "/opt/kuiper/etc/sources/a/b"],
])("%s", (path, expected) => expect(path).toBe(expected));

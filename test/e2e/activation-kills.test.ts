import { rmSync, truncateSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { test as fixtures } from "../support/fixtures.ts";
import { ask, post } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";

/** This server is killed while the engine has the plugin's files, and the engine goes on, or dies as well. */

const SO = "plugins/sources/Random@v1.0.0.so";
const YAML = "etc/sources/random.yaml";
const SO_TEXT = "\x7fELF the code of version 1";
const YAML_TEXT = "default:\n  interval: 1000\n  seed: 1\n";

const DAMAGES: [string, (base: string) => void][] = [
  ["before it has written", () => {}],
  ["with half a .so", (base) => truncateSync(join(base, SO), 5)],
  [
    "when it has removed all",
    (base) => {
      rmSync(join(base, SO));
      rmSync(join(base, YAML));
    },
  ],
];

fixtures.for(DAMAGES)(
  "a kill of both %s leaves the plugin whole",
  async ([, damage], { folder, launch, onTestFinished }) => {
    for (const path of ["plugins/sources", "plugins/sinks", "plugins/functions", "zips"])
      await mkdir(join(folder, path), { recursive: true });
    const engine = await new EngineStandIn({ base: folder }).start();
    onTestFinished(() => engine.dispose());
    engine.age(60);
    const settings = { ENGINE__URL: engine.url, ENGINE__VERIFY: "off" };
    const first = launch({ base: folder, settings });
    engine.intercept = ({ method }) => {
      if (method !== "POST") return false;
      damage(folder);
      first.kill("SIGKILL");
      return true;
    };
    const file = `file://${await writePluginZip(join(folder, "zips"), { type: "sources", name: "random", soContent: SO_TEXT })}`;
    await expect(post(`${await first.url()}/plugins/sources`, { name: "random", file })).rejects.toThrow();
    await first.ended;
    await engine.restart();
    engine.intercept = () => false;

    const second = launch({ base: folder, settings });
    const url = await second.url();
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["random"]']);
    expect(await readFile(join(folder, SO), "utf8")).toBe(SO_TEXT);
    expect(await readFile(join(folder, YAML), "utf8")).toBe(YAML_TEXT);
    expect((await readdir(join(folder, "plugins", ".engine"))).filter((name) => name.endsWith(".zip"))).toEqual([]);
  },
);

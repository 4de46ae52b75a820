import { describe, expect } from "vitest";
import { plugin } from "../inspect/kit.ts";
import { AMD64 } from "../support/elf.ts";
import { goTypes } from "../support/go-types.ts";
import { type PluginContents, writePluginZip } from "../support/plugin-zip.ts";
import { cliTest } from "./kit.ts";

/** What a zip tells nobody has to say: `install` without --type and --name. */

const test = cliTest
  /** A zip of this machine's, or at an address. */
  .extend("serve", ({ host, folder }) => async (kind: Kind, contents: PluginContents) => {
    if (kind === "a URL") return host.serveZip(contents);
    await writePluginZip(folder, contents, "some.zip");
    return "some.zip";
  });

const KINDS = ["a file", "a URL"] as const;
type Kind = (typeof KINDS)[number];

const goPlugin = (kind: "func" | "sink" | "function") => plugin({ types: goTypes(AMD64, { Random: kind }) });

describe.each(KINDS)("%s", (kind) => {
  test.for([
    ["sinks", "by its symbols", { type: "sinks", soContent: goPlugin("sink") }],
    ["functions", "by its symbols", { type: "functions", soContent: goPlugin("function") }],
    ["sources", "by its symbols", { type: "sources", soContent: goPlugin("func") }],
    ["sources", "by its yaml", { type: "sources", soContent: "no program" }],
    ["sinks", "by its symbols, whatever is beside", { type: "sinks", soContent: goPlugin("sink"), yaml: "a: 1\n" }],
  ] as const)("is of %s, %s", async ([type, , contents], { cli, serve }) => {
    const source = await serve(kind, { ...contents, name: "random" });
    const { status, stderr } = await cli("install", source);
    expect([status, stderr.split("\n")[0]]).toEqual([0, `${type}/random from ${source}`]);
    expect(await cli("update", source)).toMatchObject({ status: 0 });
    expect(JSON.parse((await cli("list", "--json")).stdout)).toMatchObject([{ type, name: "random" }]);
  });

  test("a sink or a function: that is asked for", async ({ cli, serve }) => {
    const source = await serve(kind, { type: "sinks", name: "random", soContent: "no program" });
    const ended = await cli("install", source);
    expect(ended).toMatchObject({ status: 2, stdout: "" });
    expect(ended.stderr).toContain("does not tell whether it is a sink or a function: say --type sinks or");
    expect((await cli("list", "--json")).stdout).toBe("[]\n");
    expect(await cli("install", source, "--type", "sinks")).toMatchObject({ status: 0 });
  });

  test("functions that are named make it a function", async ({ cli, serve }) => {
    const source = await serve(kind, { type: "functions", name: "image", soContent: "no program" });
    expect(await cli("install", source, "--functions", "resize,thumb")).toMatchObject({ status: 0 });
    expect((await cli("show", "image")).stdout).toMatch(/^plugin {6}functions\/image$/m);
  });

  test("one with two .so: its name is asked for", async ({ cli, serve }) => {
    const contents = {
      type: "sinks",
      name: "random",
      soContent: goPlugin("sink"),
      files: { "Other.so": "x" },
    } as const;
    const source = await serve(kind, contents);
    const ended = await cli("install", source);
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toMatch(/2 \.so files at its root; say .*name/);
    expect(await cli("install", source, "--name", "random")).toMatchObject({ status: 0 });
  });
});

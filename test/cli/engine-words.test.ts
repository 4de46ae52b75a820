import { describe, expect, it } from "vitest";
import { translateEngineWords } from "../../src/cli/engine-words.ts";
import { cliTest } from "./kit.ts";

const FILE = '{"file":"http://h/x.zip","functions":["a","b"],"shellParas":["-x","y z"]}';

function translate(...args: string[]) {
  return translateEngineWords(args, { takesValue: (one) => one === "--server", readFile: () => FILE });
}

describe("the words of the engine's own command line", () => {
  it.each([
    [
      ["create", "plugin", "source", "random", '{"file":"http://h/x.zip"}'],
      "install http://h/x.zip --type sources --name random",
    ],
    [
      ["create", "plugin", "function", "f", "-f", "def.json"],
      "install http://h/x.zip --type functions --name f --functions a,b --script-arg=-x '--script-arg=y z'",
    ],
    [["show", "plugins", "sources"], "list --type sources"],
    [["show", "plugins", "function"], "list --type functions"],
    [["describe", "plugin", "sink", "file"], "show sinks/file"],
    [["drop", "plugin", "source", "random"], "remove sources/random --yes"],
    [["drop", "plugin", "source", "random", "-r", "true"], "remove sources/random --yes --restart"],
    [["drop", "plugin", "source", "random", "-r=false"], "remove sources/random --yes"],
    [["drop", "plugin", "source", "random", "-s", "true"], "remove sources/random --yes --restart"],
  ])("%j", (args, shown) => {
    expect(translate(...args)?.shown).toBe(`kuiper-plugins ${shown}`);
  });

  it("come after options of this command line", () => {
    const server = ["--server", "create"];
    expect(translate(...server, "show", "plugins", "sinks")?.args).toEqual([...server, "list", "--type", "sinks"]);
  });

  it.each([[["list"]], [["show", "random"]], [["create"]], [["jobs", "create", "plugin"]], [[]]])(
    "%j is none of them",
    (args) => {
      expect(translate(...args)).toBeUndefined();
    },
  );

  it.each([
    [["show", "plugins"], /kuiper-plugins list for all, or kuiper-plugins show TYPE\/NAME for one/],
    [
      ["create", "plugin", "source", "random", "{oops"],
      /JSON with a "file"; or say kuiper-plugins install URL --type sources/,
    ],
    [["drop", "plugin", "thing", "x"], /say kuiper-plugins remove TYPE\/NAME/],
    [["drop", "plugin", "source"], /say kuiper-plugins remove sources\/NAME/],
    [["register", "plugin", "function", "f", "{}"], /functions are named at the install/],
  ])("%j is answered with what to type", (args, sentence) => {
    expect(() => translate(...args)).toThrow(sentence);
  });
});

cliTest("they do it, and say the new form", async ({ cli, host }) => {
  const file = host.serveZip({ type: "sources", name: "random" });
  const created = await cli("create", "plugin", "source", "random", JSON.stringify({ file }));
  expect(created).toMatchObject({ status: 0, stdout: expect.stringContaining("sources plugin random is created") });
  expect(created.stderr).toMatch(/^the same as: kuiper-plugins install http\S+ --type sources --name random\n/);
  expect((await cli("show", "plugins", "sources")).stdout).toContain("random");
  expect((await cli("drop", "plugin", "source", "random")).status).toBe(0);
  expect((await cli("show", "plugins")).status).toBe(2);
});

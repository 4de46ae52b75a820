import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../src/cli/inspect/command-line.ts";
import { quoted } from "../../src/lib/text.ts";
import { post } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const RULE = "should begin with a letter and have at most 100 letters, digits and underscores";

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.dispose());

async function inspectFile(file: string, functions: string) {
  const printed: string[] = [];
  const status = await runCommand(["inspect", file, "--type", "functions", "--functions", functions], {
    env: {},
    baseFolder: server.base,
    version: "0",
    print: (text) => void printed.push(text),
    printError: (text) => void printed.push(text),
    signal: new AbortController().signal,
  });
  return { status, printed: printed.join("") };
}

test.each(["bad-name", "9", "a b", "x".repeat(101), "é"])(
  "the command line and the server refuse the function name %j in the same words",
  async (name) => {
    const folder = await tempFolder();
    const zip = await writePluginZip(folder, { type: "functions", name: "echo" });
    const message = `function name ${quoted(name, 100)} ${RULE}`;

    expect(await inspectFile(zip, `echo,${name}`)).toEqual({ status: 3, printed: expect.stringContaining(message) });

    const body = { name: "echo", file: `file://${zip}`, functions: ["echo", name] };
    for (const call of ["", "/inspect"]) {
      const [status, text] = await post(`${server.url}/plugins/functions${call}`, body);
      expect([status, text]).toEqual([400, expect.stringContaining(message)]);
    }
  },
);

test("the command line takes the function names that the server takes", async () => {
  const folder = await tempFolder();
  const zip = await writePluginZip(folder, { type: "functions", name: "echo" });
  expect((await inspectFile(zip, "echo,Other_9")).status).not.toBe(3);
});

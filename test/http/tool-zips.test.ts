import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { post } from "../support/http-client.ts";
import { pluginEntries } from "../support/plugin-zip.ts";
import { buildZip, type ZipEntry } from "../support/zip.ts";

/** Installs of zips as tools make them, through the whole server. */

const test = sharedServerTest().extend(
  "install",
  ({ server, host }) =>
    async (name: string, script: string, entries: ZipEntry[], suffix = "") => {
      const zip = buildZip([...pluginEntries({ type: "sources", name, script }), ...entries], { suffix });
      const file = host.serve(`/${name}.zip`, zip);
      return post(`${server.url}/plugins/sources`, { name, file: ` ${file}\n` });
    },
);

const latin1 = (text: string) => Buffer.from(text, "latin1");
const left = (files: readonly string[]) => files.filter((path) => /\.(changes|incoming)\/.|\.new$/.test(path));

describe("install.sh", () => {
  test("finds a file in an unknown encoding by its bytes, and nothing is left behind", async ({ server, install }) => {
    const helper = { name: latin1("\xc5\xe4\xd6\xc3/\x95\x5c.txt"), data: "from the helper\n" };
    const path = "\"$(printf '\\305\\344\\326\\303/\\225\\134.txt')\"";
    const answer = await install("encoded", `set -e\ncat ${path}\ncp ${path} "${server.base}/copied"\n`, [helper]);
    expect(answer).toEqual([201, "sources plugin encoded is created"]);
    expect(await readFile(join(server.base, "copied"), "utf8")).toBe("from the helper\n");
    expect(left(await server.files())).toEqual([]);
  });

  test("finds none of two files with the same name, and both of two that differ by case", async ({ install }) => {
    const entries = ["NOTICE", "NOTICE", "README", "readme", "LICENSE", "license/MIT"];
    const script = "set -e\n[ ! -e NOTICE ]\n[ -e README ]\n[ -e readme ]\n[ -f LICENSE ]\n[ -f license/MIT ]\n";
    const zip = entries.map((name, index): ZipEntry => ({ name, data: `${index}` }));
    expect(await install("colliding", script, zip)).toEqual([201, "sources plugin colliding is created"]);
  });
});

test("bytes after the zip are not there for anybody", async ({ install }) => {
  expect(await install("padded", "exit 0\n", [], "\n".repeat(1000))).toEqual([201, "sources plugin padded is created"]);
});

test("a configuration file in an unknown encoding is refused, with what to do", async ({ server, install }) => {
  const [status, text] = await install("gbk", "exit 0\n", [{ name: latin1("etc/\xc5\xe4\xd6\xc3.json"), data: "{}" }]);
  expect([status, text]).toEqual([400, expect.stringMatching(/its name is not UTF-8, .*pack it with a tool/)]);
  expect((await server.files()).filter((path) => path.includes("gbk"))).toEqual([]);
});

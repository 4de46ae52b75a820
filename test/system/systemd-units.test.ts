import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../support/temp-folder.ts";
import { readText, run } from "./programs.ts";

/** The documented units as systemd reads them. It needs no running systemd, but the program is not in every container. */

const UNITS = [["kuiper-plugin-server.service"], ["in-front/kuiper.service", "in-front/kuiper-plugin-server.service"]];

const hasSystemd = await run(["systemd-analyze", "--version"]).then(
  ({ code }) => code === 0,
  () => false,
);

test.skipIf(!hasSystemd).each(UNITS)("systemd finds nothing wrong with %s", async (...names) => {
  const folder = await tempFolder();
  const files: string[] = [];
  for (const name of names) {
    const documented = await readText("docs/examples", name);
    // Programs and users that this machine does not have.
    const here = documented.replace(/^ExecStart=\S+/m, "ExecStart=/bin/true").replace(/^User=.*$/m, "User=root");
    expect(here).not.toBe(documented);
    const file = join(folder, basename(name));
    await writeFile(file, here);
    files.push(file);
  }
  const { code, stderr } = await run(["systemd-analyze", "verify", "--man=no", ...files]);
  const complaints = stderr.split("\n").filter((line) => names.some((name) => line.includes(basename(name))));
  expect(complaints).toEqual([]);
  expect(code, stderr).toBe(0);
});

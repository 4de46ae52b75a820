import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { hasProgram } from "../support/has-program.ts";
import { post } from "../support/http-client.ts";
import { COMMAND, RunningCommand, run } from "./kit.ts";

/** In the real shells, with `kuiper-plugins` on the PATH. */

const SHELLS = ["bash", "zsh", "fish"] as const;

const test = serverTest().extend("complete", async ({ server, host, folder }) => {
  for (const name of ["file", "influx"]) {
    const body = { name, file: host.serveZip({ type: "sinks", name }) };
    await post(`${server.url}/plugins/sinks`, body);
  }
  const bin = join(folder, "bin");
  await mkdir(bin);
  await symlink(COMMAND, join(bin, "kuiper-plugins"));
  await writeFile(join(folder, "random.zip"), "");
  const node = execFileSync("which", ["node"], { encoding: "utf8" }).trim();
  const env = {
    PATH: `${bin}:${join(node, "..")}:${process.env.PATH}`,
    KUIPER_PLUGINS_SERVER: server.url,
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_DATA_HOME: folder,
  };
  return async (shell: (typeof SHELLS)[number], line: string): Promise<string> => {
    const script = join(folder, `completion.${shell}`);
    await writeFile(script, (await run(["completion", shell])).stdout);
    if (shell === "zsh")
      return completeInZsh(script, line, { env: { ...env, TERM: "xterm", SHELL: "/bin/sh" }, cwd: folder });
    const [program, args] = COMPLETE[shell](script, line);
    return (await new RunningCommand(program, args, { env, cwd: folder }).ended).stdout;
  };
});

/** How each shell is asked for what it would complete at the end of a line. */
const COMPLETE = {
  bash: (script: string, line: string) => {
    const words = line.split(" ");
    const ask = `source '${script}'; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
      _kuiper_plugins; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return ["bash", ["--norc", "-c", ask]] as const;
  },
  fish: (script: string, line: string) =>
    ["fish", ["--no-config", "-c", `source '${script}'; complete -C '${line}'`]] as const,
};

/** Its completion needs an editor, so a terminal: what it lists there. */
async function completeInZsh(script: string, line: string, options: { env: Record<string, string>; cwd: string }) {
  const shell = new RunningCommand("script", ["-qefc", "stty cols 200 rows 50; exec zsh -f -i", "/dev/null"], options);
  const setUp =
    "autoload -Uz compinit; compinit -D -u; setopt auto_list; unsetopt list_ambiguous menu_complete auto_menu";
  shell.type(`${setUp}; source '${script}'; PS1='REA''DY> '\n`);
  await shell.prints(/READY> /); // the editor reads from here on; before it the line discipline would
  const before = shell.printed.length;
  shell.type(`${line}\t\t`);
  shell.type('\x15print DO""NE\n'); // what was typed so far is dropped
  await shell.prints(/DONE/);
  shell.type("exit\n");
  await shell.ended;
  return shell.printed.slice(before);
}

for (const shell of SHELLS) {
  test.skipIf(!hasProgram(shell))(
    `${shell} completes commands, options, values, files and the names of plugins`,
    async ({ complete }) => {
      expect(await complete(shell, "kuiper-plugins ")).toMatch(/install[\s\S]*remove/);
      expect(await complete(shell, "kuiper-plugins engine ")).toMatch(/restart[\s\S]*status|status[\s\S]*restart/);
      expect(await complete(shell, "kuiper-plugins list --type ")).toMatch(/sources[\s\S]*sinks|sinks[\s\S]*sources/);
      expect(await complete(shell, "kuiper-plugins show ")).toMatch(/file[\s\S]*influx/);
      expect(await complete(shell, "kuiper-plugins list --ver")).toContain("--verdict");
      expect(await complete(shell, "kuiper-plugins install ")).toContain("random.zip");
    },
  );
}

test("where no server answers, nothing is completed and nothing is said", async () => {
  const ended = await run(["completion-names"], { server: "http://127.0.0.1:1" });
  expect(ended).toEqual({ status: 0, stdout: "", stderr: "" });
});

test("the hidden command is in no help", async () => {
  expect((await run(["--help"])).stdout).not.toContain("completion-names");
});

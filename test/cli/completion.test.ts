import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { ask } from "../support/http-client.ts";
import { COMMAND, run, RunningCommand } from "./kit.ts";

/** In the real shells, with `kuiper-plugins` on the PATH. */

const SHELLS = ["bash", "zsh", "fish"] as const;

const test = serverTest().extend("complete", async ({ server, host, folder }) => {
  for (const name of ["file", "influx"]) {
    const body = { name, file: host.serveZip({ type: "sinks", name }) };
    await ask(`${server.url}/plugins/sinks`, { method: "POST", body });
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
    const [program, args] = COMPLETE[shell](script, line);
    const { stdout } = await new RunningCommand(program, args, { env, cwd: folder }).ended;
    return stdout;
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
  fish: (script: string, line: string) => ["fish", ["--no-config", "-c", `source '${script}'; complete -C '${line}'`]] as const,
  // Its completion needs an editor: one on a terminal of its own, which lists what there is.
  zsh: (script: string, line: string) => {
    const inner = `PS1=READY; PS2=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D -u; source '${script}'; setopt list_ambiguous auto_list no_beep; zstyle ":completion:*" menu no; LISTMAX=0`;
    const ask = `zmodload zsh/zpty; zpty shell zsh -f -i; zpty -w shell ${quote(inner)}
      until [[ $seen == *READY*READY* ]]; do zpty -r shell part || break; seen+=$part; done
      zpty -w -n shell ${quote(`${line}\t\t`)}; zpty -w -n shell $'\\x15'; zpty -w shell 'print "DO""NE"'
      seen=; until [[ $seen == *DONE* ]]; do zpty -r shell part || break; seen+=$part; done; print -r -- $seen`;
    return ["zsh", ["-f", "-c", ask]] as const;
  },
};

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

test.for(SHELLS)("%s completes commands, options, values, files and the names of plugins", async (shell, { complete }) => {
  expect(await complete(shell, "kuiper-plugins ")).toMatch(/install[^]*remove/);
  expect(await complete(shell, "kuiper-plugins engine ")).toMatch(/restart[^]*status|status[^]*restart/);
  expect(await complete(shell, "kuiper-plugins list --type ")).toMatch(/sources[^]*sinks|sinks[^]*sources/);
  expect(await complete(shell, "kuiper-plugins show ")).toMatch(/file[^]*influx/);
  expect(await complete(shell, "kuiper-plugins list --ver")).toContain("--verdict");
  expect(await complete(shell, "kuiper-plugins install ")).toContain("random.zip");
});

test("where no server answers, nothing is completed and nothing is said", async () => {
  const ended = await run(["completion-names"], { server: "http://127.0.0.1:1" });
  expect(ended).toEqual({ status: 0, stdout: "", stderr: "" });
});

test("the hidden command is in no help", async () => {
  expect((await run(["--help"])).stdout).not.toContain("completion-names");
});

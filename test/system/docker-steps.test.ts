import { chmod, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ask, post } from "../support/http-client.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startZipHost } from "../support/zip-host.ts";
import { copyCheckout, Program, readText, run, waitForPing } from "./programs.ts";

/**
 * There is no Docker on the test machine, so the Dockerfile's steps are done by hand: each stage is a folder that
 * stands for the root of its file system. What only an image has (its system's packages, its users) is left out.
 */
interface Stage {
  readonly name: string;
  readonly root: string;
  workdir: string;
  readonly env: Record<string, string>;
  readonly other: Record<string, string>;
}

/** The instructions of a Dockerfile, continued lines joined. */
function instructions(dockerfile: string): [keyword: string, rest: string][] {
  const text = dockerfile.replace(/^\s*#.*\n/gm, "").replace(/\\\n\s*/g, "");
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [, keyword = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    return [keyword, rest];
  });
}

/** The paths that Docker would send to the build: the last pattern of .dockerignore that fits decides. */
function dockerContext(ignoreFile: string): (path: string) => boolean {
  const rules = ignoreFile.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const matchers = rules.map((rule) => {
    const glob = rule
      .replace(/^!/, "")
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", "[^/]*");
    return { includes: rule.startsWith("!"), pattern: new RegExp(`^${glob}(/|$)`) };
  });
  return (path) => matchers.findLast(({ pattern }) => pattern.test(path))?.includes ?? true;
}

async function buildImage(): Promise<Stage> {
  const context = await tempFolder();
  await copyCheckout(context, dockerContext(await readText(".dockerignore")));
  const stages: Stage[] = [];
  let stage: Stage | undefined;
  for (const [keyword, rest] of instructions(await readText("Dockerfile"))) {
    if (keyword === "FROM") {
      const name = / AS (\w+)$/.exec(rest)?.[1] ?? "";
      stage = { name, root: await tempFolder(), workdir: "/", env: {}, other: {} };
      stages.push(stage);
    } else if (stage !== undefined) await take(stage, keyword, rest, { stages, context });
  }
  if (stage === undefined) throw new Error("the Dockerfile has no stage");
  return stage;
}

async function take(
  stage: Stage,
  keyword: string,
  rest: string,
  { stages, context }: { stages: readonly Stage[]; context: string },
): Promise<void> {
  if (keyword === "WORKDIR") {
    stage.workdir = rest;
    await mkdir(join(stage.root, rest), { recursive: true });
  } else if (keyword === "ENV") {
    for (const [, key = "", value = ""] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value;
  } else if (keyword === "COPY") {
    const words = rest.split(/\s+/);
    const from = /--from=(\w+)/.exec(rest)?.[1];
    const source = from === undefined ? context : stages.find(({ name }) => name === from)?.root;
    if (source === undefined) throw new Error(`no stage ${from}`);
    const paths = words.filter((word) => !word.startsWith("--"));
    const target = paths.pop() ?? "";
    for (const path of paths) await copy(join(source, path), target, stage);
  } else if (keyword === "RUN" && rest.startsWith("npm ")) {
    const { code, stderr } = await run(["sh", "-c", rest], { cwd: join(stage.root, stage.workdir) });
    expect(code, stderr).toBe(0);
  } else if (keyword === "RUN" && rest.startsWith("ln -s ")) {
    const [target = "", path = ""] = rest.split(" ").slice(2);
    await mkdir(join(stage.root, dirname(path)), { recursive: true });
    await symlink(join(stage.root, target), join(stage.root, path));
  } else if (keyword === "RUN") {
    expect(rest).toMatch(/^(apk add|adduser|mkdir -p \/kuiper)/); // of the image's own system
  } else stage.other[keyword] = rest;
}

/** As COPY does it: the content of a folder, or a file; into a target that ends in a slash. */
async function copy(source: string, target: string, { root, workdir }: Stage): Promise<void> {
  const place = join(root, target.startsWith("/") ? target : join(workdir, target));
  const isFile = (await stat(source)).isFile();
  await cp(source, isFile && target.endsWith("/") ? join(place, basename(source)) : place, { recursive: true });
}

/** The health check's command, with curl in the place of the image's wget. */
async function isHealthy(image: Stage, env: Record<string, string>): Promise<boolean> {
  const [, command = ""] = /CMD (.*)$/.exec(image.other.HEALTHCHECK ?? "") ?? [];
  expect(command).toContain("wget");
  const tools = await tempFolder();
  const wget = join(tools, "wget");
  await writeFile(wget, '#!/bin/sh\nfor last; do :; done\nexec curl --fail --silent --insecure "$last"\n');
  await chmod(wget, 0o755);
  const { code } = await run(["sh", "-c", command], { env: { ...env, PATH: `${tools}:${process.env.PATH}` } });
  return code === 0;
}

test("what the Dockerfile builds starts, is healthy and installs a plugin", async () => {
  const image = await buildImage();
  expect(await readdir(join(image.root, image.workdir))).toEqual(["LICENSE", "dist"]);
  expect(image.env).toMatchObject({ KUIPER__BASIC__RESTIP: "0.0.0.0", KUIPER__BASIC__RESTPORT: "9081" });
  const base = join(image.root, image.env.KuiperBaseKey ?? "");
  expect(image.other.VOLUME).toBe('["/kuiper/etc", "/kuiper/plugins", "/kuiper/data"]');
  expect(await readdir(join(base, "etc"))).toEqual(["kuiper.yaml"]);
  expect(image.other.USER).toBe("1001"); // as the engine's official image, which shares the volumes

  const port = await freePort();
  const env = {
    ...image.env,
    KuiperBaseKey: base,
    KUIPER__BASIC__RESTIP: "127.0.0.1", // nothing of a test is for the network
    KUIPER__BASIC__RESTPORT: String(port),
  };
  const server = new Program(JSON.parse(image.other.CMD ?? ""), {
    cwd: join(image.root, image.workdir),
    env: { PATH: process.env.PATH, ...env },
  });
  const url = `http://127.0.0.1:${port}`;
  await waitForPing(url, server);
  expect(await isHealthy(image, env)).toBe(true);

  const host = await startZipHost();
  const script = 'echo "for $1"\n';
  const file = host.serveZip({ type: "sinks", name: "zmq", script });
  const created = await post(`${url}/plugins/sinks`, { name: "zmq", file, shellParas: ["the image"] });
  await host.close();
  expect(created).toEqual([201, "sinks plugin zmq is created"]);
  const command = join(image.root, "usr/local/bin/kuiper-plugins");
  const listed = await run([command, "list", "--json"], { env: { ...process.env, KUIPER_PLUGINS_SERVER: url } });
  expect(JSON.parse(listed.stdout)).toMatchObject([{ type: "sinks", name: "zmq" }]);
  expect(await ask(`${url}/plugins/sinks`)).toEqual([200, '["zmq"]']);
  expect((await readFile(join(base, "plugins/sinks/Zmq@v1.0.0.so"))).length).toBeGreaterThan(0);
  expect(server.output).toContain("install.sh: for the image");

  expect(await server.end()).toBe(0);
  expect(await isHealthy(image, env)).toBe(false);
});

import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, post, remove } from "../support/http-client.ts";

/** Plugins that were copied in or taken away by hand. */

const test = stoppedServerTest
  .extend("base", async ({ server: { base } }) => {
    for (const folder of ["plugins/sources", "plugins/sinks", "etc/sources"]) {
      await mkdir(join(base, folder), { recursive: true });
    }
    return base;
  })
  .extend("put", ({ base }) => (path: string, content = "x") => {
    return writeFile(join(base, path), content);
  })
  /** Starts the server, once more if it runs. */
  .extend("start", ({ server, base: _ }) => async () => {
    return (await server.start()).url;
  });

describe("on start", () => {
  test("every .so is a plugin", async ({ put, base, start }) => {
    for (const file of ["Random@v1.0.0.so", "zmq.so", "UPPER.so", "With-dash@v2.so", "B@v1.so", "B@v2.so"]) {
      await put(`plugins/sources/${file}`);
    }
    for (const other of ["readme.txt", "random.so.bak", ".so", ".hidden.so", "@v1.so"]) {
      await put(`plugins/sources/${other}`);
    }
    await mkdir(join(base, "plugins/sources/Folder.so"));
    await symlink("/nowhere", join(base, "plugins/sources/Dangling.so"));
    const url = await start();
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["b","random","uPPER","with-dash","zmq"]']);
    expect(JSON.parse((await ask(`${url}/plugins/sources/random`))[1])).toMatchObject({ version: "1.0.0" });
    expect(JSON.parse((await ask(`${url}/plugins/sources/zmq`))[1])).toMatchObject({ name: "zmq", version: "" });
    expect(JSON.parse((await ask(`${url}/plugins/sources/b`))[1])).toMatchObject({ version: "2" });
  });

  test("one of a name that the engine never finds is listed with that problem", async ({ put, start }) => {
    for (const file of ["Odd@v1@2.so", "Plain@v1.so"]) await put(`plugins/sources/${file}`);
    const url = await start();
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["odd","plain"]']);
    const codesOf = async (name: string) => {
      const { compatibility } = JSON.parse((await ask(`${url}/plugins/sources/${name}`))[1]);
      return compatibility.problems.map(({ code }: { code: string }) => code);
    };
    expect(await codesOf("odd")).toContain("SO_NAME");
    expect(await codesOf("plain")).not.toContain("SO_NAME");
  });

  test("a plugin whose .so has vanished is not listed, and can be installed again", async ({ host, start, base }) => {
    const file = host.serveZip({ type: "sinks", name: "gone" });
    expect((await post(`${await start()}/plugins/sinks`, { name: "gone", file }))[0]).toBe(201);
    await rm(join(base, "plugins/sinks/Gone@v1.0.0.so"));
    const url = await start();
    expect(await ask(`${url}/plugins/sinks`)).toEqual([200, "[]"]);
    expect((await post(`${url}/plugins/sinks`, { name: "gone", file }))[0]).toBe(201);
  });

  test("what was installed is unchanged, and deleted names are free again", async ({ host, start }) => {
    const order = (name: string) => ({
      name,
      file: host.serveZip({ type: "functions", name }),
      functions: [`${name}1`],
    });
    const first = `${await start()}/plugins/functions`;
    for (const name of ["kept", "deleted"]) expect((await post(first, order(name)))[0]).toBe(201);
    const [, described] = await ask(`${first}/kept`);
    expect((await remove(`${first}/deleted`))[0]).toBe(200);
    expect((await post(first, order("deleted")))[0]).toBe(400);

    const second = `${await start()}/plugins/functions`;
    expect(await ask(`${second}/kept`)).toEqual([200, described]);
    expect((await post(second, order("deleted")))[0]).toBe(201);
  });

  test.for(["", "{", "[]", '{"schema":2}', "\0\0\0"])(
    "a registry that is %j is kept aside and made anew",
    async (text, { put, start, server }) => {
      await put("plugins/sources/Random@v1.0.0.so");
      await put("plugins/registry.json", text);
      const url = await start();
      expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["random"]']);
      expect((await server.files())?.filter((path) => path.startsWith("plugins/registry.json."))).toHaveLength(1);
    },
  );
});

describe("while the server runs", () => {
  test("a copied .so is refused as a duplicate, and is listed from then on", async ({ start, put, host }) => {
    const url = `${await start()}/plugins/sources`;
    await put("plugins/sources/Random@v3.so");
    const file = host.serveZip({ type: "sources", name: "random" });
    expect(await post(url, { name: "random", file })).toEqual([
      400,
      "sources plugins create command error: invalid name random: duplicate\n",
    ]);
    expect(host.requests).toEqual([]);
    expect(await ask(url)).toEqual([200, '["random"]']);
    expect(JSON.parse((await ask(`${url}/random`))[1])).toMatchObject({ version: "3", soFile: "Random@v3.so" });
  });

  test("a copied .so can be deleted, with its yaml", async ({ start, put, server }) => {
    const url = `${await start()}/plugins/sources`;
    await put("plugins/sources/random.so");
    await put("etc/sources/random.yaml", "mine\n");
    expect((await remove(`${url}/random`))[0]).toBe(200);
    const left = await server.files();
    expect(left).not.toContain("plugins/sources/random.so");
    expect(left).not.toContain("etc/sources/random.yaml");
    expect(left).toContain("etc/sources/random.yaml.bak"); // nobody knows whether it was edited
  });

  test.for([
    ["its .so", ["plugins/sources/Random@v1.0.0.so"]],
    ["its yaml, at which the original gets stuck", ["etc/sources/random.yaml"]],
    ["everything", ["plugins/sources/Random@v1.0.0.so", "etc/sources/random.yaml", "etc/sources/random"]],
  ] as const)(
    "a plugin can be deleted after somebody removed %s",
    async ([_, removed], { start, host, base, server }) => {
      const url = `${await start()}/plugins/sources`;
      const file = host.serveZip({ type: "sources", name: "random", etc: { "a/b.txt": "b" } });
      expect((await post(url, { name: "random", file }))[0]).toBe(201);
      for (const path of removed) await rm(join(base, path), { recursive: true });
      expect((await remove(`${url}/random`))[0]).toBe(200);
      expect(await ask(url)).toEqual([200, "[]"]);
      expect((await server.files())?.filter((path) => /random/i.test(path))).toEqual([]);
      expect((await remove(`${url}/random`))[0]).toBe(404);
    },
  );
});

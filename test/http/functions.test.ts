import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { ask, post, remove, send } from "../support/http-client.ts";

/** Function plugins can have several functions, whose names are unique across all plugins. */

const test = serverTest()
  .extend("functionsUrl", ({ server }) => (rest = "") => {
    return `${server.url}/plugins/functions${rest}`;
  })
  .extend("zipOf", ({ host }) => (name: string) => {
    return host.serveZip({ type: "functions", name });
  })
  .extend("install", ({ functionsUrl, zipOf }) => (name: string, functions?: string[]) => {
    return post(functionsUrl(), { name, file: zipOf(name), functions });
  })
  .extend("register", ({ functionsUrl }) => (name: string, body: unknown) => {
    return post(functionsUrl(`/${name}/register`), body as object);
  })
  .extend("list", ({ server }) => async () => {
    return JSON.parse((await send(`${server.url}/plugins/udfs`)).text);
  })
  .extend("owner", ({ server }) => (name: string) => {
    return ask(`${server.url}/plugins/udfs/${name}`);
  });

test("a plugin has the functions that were named, else the one of its name", async ({ list, install, owner }) => {
  expect(await list()).toEqual([]);
  await install("image", ["thumbnail", "resize"]);
  await install("echo");
  expect(await list()).toEqual(["echo", "resize", "thumbnail"]);
  expect(await owner("resize")).toEqual([200, '{"name":"resize","plugin":"image"}']);
  expect(await owner("echo")).toEqual([200, '{"name":"echo","plugin":"echo"}']);
  expect(await owner("image")).toEqual([404, "describe function image error: not found\n"]);
});

test("functions go with their plugin", async ({ install, functionsUrl, list }) => {
  await install("image", ["resize"]);
  await remove(functionsUrl("/image"));
  expect(await list()).toEqual([]);
});

test("no other plugin gets a name that is taken", async ({ install, list }) => {
  await install("image", ["resize"]);
  const sentence = (name: string) =>
    `functions plugins create command error: function name ${name} already exists (in plugin image); the names are unique across all plugins\n`;
  expect(await install("other", ["fine", "resize"])).toEqual([400, sentence("resize")]);
  expect(await install("resize")).toEqual([400, sentence("resize")]);
  expect(await list()).toEqual(["resize"]);
  expect((await install("fine"))[0]).toBe(201);
});

test("of many at once that want one name, one gets it", async ({ install, list }) => {
  const answers = await Promise.all(["a", "b", "c", "d"].map((name) => install(name, ["wanted"])));
  expect(answers.map(([status]) => status).sort()).toEqual([201, 400, 400, 400]);
  expect(await list()).toEqual(["wanted"]);
});

test("a name is free again when the install that wanted it has failed", async ({ host, functionsUrl, install }) => {
  const file = host.serve("/functions/bad.zip", Buffer.from("no zip"));
  expect((await post(functionsUrl(), { name: "bad", file, functions: ["wanted"] }))[0]).toBe(400);
  expect((await install("good", ["wanted"]))[0]).toBe(201);
});

describe("register", () => {
  test("says which functions a plugin has", async ({ install, register, list, functionsUrl }) => {
    await install("image");
    expect(await register("image", { functions: ["resize", "thumbnail", "resize"] })).toEqual([
      200,
      "function plugin image function list is registered",
    ]);
    expect(await list()).toEqual(["resize", "thumbnail"]);
    expect(JSON.parse((await send(functionsUrl("/image"))).text).functions).toEqual(["resize", "thumbnail"]);
  });

  test("works for a plugin that was copied in by hand, and lasts", async ({ server, register, list }) => {
    await writeFile(join(server.base, "plugins/functions/Image.so"), "so");
    await server.start();
    expect((await register("image", { functions: ["resize"] }))[0]).toBe(200);
    await server.start();
    expect(await list()).toEqual(["resize"]);
  });

  test("keeps its own names, and refuses those of others", async ({ install, register }) => {
    await install("image", ["resize"]);
    await install("echo");
    expect((await register("image", { functions: ["resize", "more"] }))[0]).toBe(200);
    const [status, text] = await register("image", { functions: ["echo"] });
    expect(status).toBe(400);
    expect(text).toMatch(
      /^register functions plugin image error: function name echo already exists \(in plugin echo\)/,
    );
  });

  test.for([
    [{ functions: [] }, /property 'functions' must not be empty/],
    [{}, /functions/],
    [{ functions: "resize" }, /field functions should be a list of names/],
    [{ functions: ["a b"] }, /function name a b should begin with a letter/],
    [{ functions: [""] }, /should begin with a letter/],
    ["nonsense", /not valid JSON/],
  ] as const)("refuses %j", async ([body, sentence], { install, register, list }) => {
    await install("image");
    expect(await register("image", body)).toEqual([400, expect.stringMatching(sentence)]);
    expect(await list()).toEqual(["image"]);
  });

  test("is refused by engine.verify: enforce where the .so does not fit", async ({ server, register, list }) => {
    await writeFile(join(server.base, "plugins/functions/Image.so"), "no program");
    await server.start({ ENGINE__VERIFY: "enforce" });
    const [status, text] = await register("image", { functions: ["resize"] });
    expect([status, text]).toEqual([400, expect.stringMatching(/the engine would not load this plugin: .*ELF/)]);
    expect(await list()).toEqual(["image"]);
  });

  test("is 404 for a plugin whose .so is gone", async ({ install, server, register }) => {
    await install("image");
    await rm(join(server.base, "plugins/functions/Image@v1.0.0.so"));
    expect(await register("image", { functions: ["resize"] })).toEqual([
      404,
      "register functions plugin image error: its Image@v1.0.0.so is gone\n",
    ]);
  });

  test("is 404 for a plugin that is not installed", async ({ register }) => {
    expect(await register("none", { functions: ["f"] })).toEqual([
      404,
      "register functions plugin none error: not found\n",
    ]);
  });
});

test("an update keeps the functions that are registered, unless it names others", async ({
  install,
  functionsUrl,
  zipOf,
  list,
}) => {
  await install("image", ["resize"]);
  const put = (body: object) => ask(functionsUrl("/image"), { method: "PUT", body });
  expect((await put({ file: zipOf("image") }))[0]).toBe(200);
  expect(await list()).toEqual(["resize"]);
  expect((await put({ file: zipOf("image"), functions: ["crop"] }))[0]).toBe(200);
  expect(await list()).toEqual(["crop"]);
});

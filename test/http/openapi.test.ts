import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect } from "vitest";
import { CALLS } from "../../src/contract/calls/all.ts";
import { ERROR_EXAMPLES } from "../../src/contract/error-examples.ts";
import { ERROR_STATUS } from "../../src/domain/errors.ts";
import { sharedServerTest } from "../support/fixtures.ts";
import { ask, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";

const withTokens = sharedServerTest({ BASIC__AUTHENTICATION: "true" });
const test = sharedServerTest().extend("document", async ({ server }) =>
  JSON.parse((await send(`${server.url}/openapi.json`)).text),
);

type Operations = Record<string, { operationId: string; tags: string[]; parameters?: { name: string }[] }>;

const callsOf = (document: { paths: Record<string, object> }) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
  );

describe("/openapi.json", () => {
  test("is a valid document of OpenAPI 3.1", async ({ server }) => {
    const { status, headers, text } = await send(`${server.url}/openapi.json`);
    expect([status, headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
    const document = JSON.parse(text);
    expect(document.openapi).toBe("3.1.0");
    expect(await new Validator().validate(document)).toEqual({ valid: true });
  });

  test("has every call of the contract, but for those of an engine", ({ document }) => {
    const ofEngine = ["GET /engine", "POST /engine/restart"];
    const others = Object.keys(CALLS).filter((call) => !ofEngine.includes(call));
    expect(callsOf(document).sort()).toEqual(others.sort());
  });

  test("refers to schemas by the names of their types, and has all that it refers to", ({ document }) => {
    const { schemas } = document.components;
    const referred = new Set([...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref = ""]) => ref));
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining(["PluginSummary", "JobView", "ErrorReply"]));
    expect([...referred].sort()).toEqual(
      Object.keys(schemas)
        .map((name) => `#/components/schemas/${name}`)
        .sort(),
    );
  });

  test("has each error of a call with its status, and an example as JSON and as text", ({ document }) => {
    const prefix = "sources plugins create command error: ";
    const { content, headers, description } = document.paths["/plugins/{type}"].post.responses[400];
    const message = `${prefix}${ERROR_EXAMPLES.NAME_TAKEN}`;
    expect(description).toContain("`NAME_TAKEN`");
    expect(headers["X-Request-Id"]).toBeDefined();
    expect(content["application/json"].examples.NAME_TAKEN.value).toEqual({ error: "NAME_TAKEN", message });
    expect(content["text/plain"].examples.NAME_TAKEN.value).toBe(`${message}\n`);
    const bodyInvalid = content["text/plain"].examples.BODY_INVALID.value;
    expect(bodyInvalid).toMatch(/^Invalid body: Error decoding the sources plugin json: /);
  });

  test("has each kind of body, and what each field means", ({ document }) => {
    const { requestBody, parameters } = document.paths["/plugins/{type}"].post;
    expect(Object.keys(requestBody.content)).toEqual(["application/json", "application/zip", "multipart/form-data"]);
    expect(requestBody.content["application/json"].schema.properties.name.description).toMatch(/^Starts with/);
    expect(requestBody.content["multipart/form-data"].schema.properties.file.format).toBe("binary");
    const names = parameters.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(["type", "name", "sha256", "restart", "prefer"]));
    expect(names).not.toContain("file"); // the zip is the body
    expect(document.paths["/jobs"].get.parameters.map(({ name }: { name: string }) => name)).toContain("limit");
  });

  test("has each error of a call once", () => {
    for (const [call, { errors }] of Object.entries(CALLS))
      expect([call, errors]).toEqual([call, [...new Set(errors)]]);
  });

  test("lists the tags that its calls have", ({ document }) => {
    const names = document.tags.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(["Plugins", "Jobs", "Portable plugins"]));
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path as Operations));
    for (const { tags } of operations) expect(names).toEqual(expect.arrayContaining(tags));
  });

  test("has each parameter of a call once, so that clients need not rename one", ({ document }) => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path as Operations));
    for (const { operationId, parameters = [] } of operations) {
      const names = parameters.map(({ name }) => name);
      expect([...new Set(names)], operationId).toEqual(names);
    }
  });

  test("says which fields a body must have, and that these are not null", ({ document }) => {
    const contentOf = (path: string, method = "post") => document.paths[path][method].requestBody.content;
    const { required, properties } = contentOf("/plugins/{type}")["application/json"].schema;
    expect([required, properties.name.type, properties.sha256.type]).toEqual([["name", "file"], "string", undefined]);
    expect(contentOf("/plugins/{type}")["multipart/form-data"].schema.required).toEqual(["file", "name"]);
    expect(contentOf("/plugins/{type}/{name}", "put")["application/json"].schema.required).toEqual(["file"]);
    expect(contentOf("/plugins/inspect")["application/json"].schema.required).toEqual(["file"]);
    expect(contentOf("/config/uploads")["application/json"].schema.required).toBeUndefined();
  });

  test("says which calls need a token", ({ document }) => {
    expect(document.security).toEqual([{ token: [] }]);
    expect(document.paths["/ping"].get.security).toEqual([]);
    expect(document.paths["/plugins"].get.security).toBeUndefined();
    expect(document.paths["/plugins"].get.responses[401].headers["WWW-Authenticate"]).toBeDefined();
  });
});

describe.each(["/openapi.json", "/docs/", "/docs/json", "/docs/static/swagger-ui.css"])("%s", (path) => {
  withTokens("is answered without a token, to GET and HEAD", async ({ server }) => {
    const get = await send(server.url + path);
    const head = await send(server.url + path, { method: "HEAD" });
    expect([get.status, head.status, head.text]).toEqual([200, 200, ""]);
    expect(head.headers["content-type"]).toBe(get.headers["content-type"]);
  });

  test("is 405 with other methods", async ({ server }) => {
    const { status, headers } = await send(server.url + path, { method: "PUT" });
    expect([status, headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });
});

describe("/docs/", () => {
  test("runs its own scripts alone", async ({ server }) => {
    const { headers, text } = await send(`${server.url}/docs/`);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  test("is where /docs leads", async ({ server }) => {
    const { status, headers } = await send(`${server.url}/docs?x`);
    expect([status, headers.location]).toEqual([302, "docs/"]);
  });

  test.for([
    "/docs/none",
    "/docs/yaml",
    "/docs/static/",
    "/docs/static/swagger-ui.js",
    "/docs/static/%2e%2e/index.js",
    "/docs/static/..%2f..%2fpackage.json",
    "/docs//json",
    "/openapi.json/x",
  ])("%s is 404", async (path, { server }) => {
    expect(await ask(server.url + path)).toEqual([404, "404 page not found\n"]);
    const json = await send(server.url + path, { headers: { accept: "application/json" } });
    expect(JSON.parse(json.text)).toEqual({ error: "PAGE_NOT_FOUND", message: "404 page not found" });
  });
});

test("every code has an example that fits on a line", () => {
  expect(Object.keys(ERROR_EXAMPLES).sort()).toEqual(Object.keys(ERROR_STATUS).sort());
  for (const example of Object.values(ERROR_EXAMPLES)) expect(example).toMatch(/^[^\n]{3,300}$/);
});

inFrontTest("2.1.0")(
  "in front of an engine the document is this server's, with its calls",
  async ({ server, start }) => {
    await start();
    const { text } = await send(`${server.url}/openapi.json`);
    const calls = callsOf(JSON.parse(text));
    expect(calls).toEqual(expect.arrayContaining(["GET /engine", "POST /engine/restart", "POST /plugins/portables"]));
    expect(calls).not.toContain("GET /plugins/portables/:name"); // passed on
    for (const path of ["/docs/", "/docs%2F", "/openapi%2Ejson", "/x/../docs/json"]) {
      expect((await send(server.url + path)).headers.via, path).toBeUndefined();
    }
    expect((await send(`${server.url}/docs/`)).status).toBe(200);
  },
);

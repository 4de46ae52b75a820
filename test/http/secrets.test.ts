import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { status } from "../support/file-server-replies.ts";
import { serverTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import type { ZipHost } from "../support/zip-host.ts";

/** User, password and the values of a query are in no reply, no log line and no file. */

const SECRETS = /joe|s3cret|t0ken|s1gnature/;

const test = serverTest({ PLUGINDOWNLOAD__MAXRETRIES: "0" }).extend(
  "expectNoSecretsLogged",
  ({ server }) =>
    (): void => {
      expect(server.logged.length).toBeGreaterThan(0);
      for (const line of server.logged) expect(JSON.stringify(line)).not.toMatch(SECRETS);
    },
);

/** The URL with everything secret that a URL can have. */
function withSecrets(url: string): string {
  return `${url.replace("://", "://joe:s3cret@")}?token=t0ken&X-Amz-Signature=s1gnature`;
}

test("an install hides secrets, and sends them to the host alone", async ({ host, server, expectNoSecretsLogged }) => {
  const zip = pluginZip({ type: "sinks", name: "hidden", script: 'echo "args: $*"; env; ls -la' });
  host.serve("/hidden.zip?token=t0ken&X-Amz-Signature=s1gnature", zip);
  const file = withSecrets(host.url("/hidden.zip"));
  const answers = [
    await post(`${server.url}/plugins/sinks`, { name: "hidden", file }),
    await ask(`${server.url}/plugins/sinks/hidden`),
    await post(`${server.url}/plugins/sinks`, { name: "hidden", file }),
    await ask(`${server.url}/plugins/sinks/hidden`, { method: "DELETE" }),
    await post(`${server.url}/plugins/sinks`, { name: "hidden", file }),
  ];
  expect(answers.map(([code]) => code)).toEqual([201, 200, 400, 200, 400]);
  expect(JSON.stringify(answers)).not.toMatch(SECRETS);
  expect(answers[1]?.[1]).toContain(
    `"origin":"${host.origin.replace("://", "://***@")}/hidden.zip?token=***&X-Amz-Signature=***"`,
  );
  expect(host.requests).toMatchObject([
    {
      path: "/hidden.zip?token=t0ken&X-Amz-Signature=s1gnature",
      headers: { authorization: `Basic ${Buffer.from("joe:s3cret").toString("base64")}` },
    },
  ]);
  expectNoSecretsLogged();
});

test("the registry has no secrets", async ({ host, server }) => {
  host.serve("/kept.zip?token=t0ken&X-Amz-Signature=s1gnature", pluginZip({ type: "sinks", name: "kept" }));
  const file = withSecrets(host.url("/kept.zip"));
  expect((await post(`${server.url}/plugins/sinks`, { name: "kept", file }))[0]).toBe(201);
  for (const [path, line] of Object.entries(await snapshot(server.base))) {
    if (line.startsWith("file")) expect(await readFile(join(server.base, path), "utf8")).not.toMatch(SECRETS);
  }
});

describe("a refusal hides them", () => {
  test.for<[what: string, file: (host: ZipHost) => string, sentence: RegExp]>([
    ["404", (host) => withSecrets(host.url("/none.zip")), /status: 404 Not Found/],
    ["nobody listens", () => withSecrets("http://127.0.0.1:1/x.zip"), /connection refused/],
    ["no such host", () => withSecrets("http://nowhere.invalid/x.zip"), /lookup nowhere\.invalid/],
    ["not TLS", (host) => withSecrets(host.url("/x.zip").replace("http:", "https:")), /fail to download file/],
    ["a redirect", (host) => withSecrets(host.url("/redirect.zip")), /unsupported protocol scheme|404/],
    ["not a zip", (host) => withSecrets(host.url("/text.zip")), /zip: not a valid zip file/],
    ["a wrong ending", (host) => withSecrets(host.url("/x.tar")), /invalid uri/],
    ["a wrong scheme", () => withSecrets("ftp://host/x.zip"), /invalid uri/],
    ["a password with a slash", () => "http://joe:s3cret/t0ken@host/x.zip", /invalid uri|fail to download/],
    ["a password with an @", () => "http://joe:s3cret@t0ken@nowhere.invalid/x.zip", /lookup nowhere\.invalid/],
    ["no scheme", () => "//joe:s3cret@host/x.zip", /invalid uri/],
    ["a line break", () => withSecrets("http://host/\nx.zip"), /invalid uri/],
    ["a wrong name", () => withSecrets("http://host/x.zip"), /invalid name Bad/],
  ])("%s", async ([what, file, sentence], { host, server, expectNoSecretsLogged }) => {
    const query = "?token=t0ken&X-Amz-Signature=s1gnature";
    host.serve(`/redirect.zip${query}`, status(302, { location: "ftp://joe:s3cret@other/t0ken.zip?sig=s1gnature" }));
    host.serve(`/text.zip${query}`, Buffer.from("no zip"));
    const name = what === "a wrong name" ? "Bad" : "good";
    for (const accept of ["*/*", "application/json"]) {
      const options = { method: "POST", headers: { accept }, body: { name, file: file(host) } };
      const answer = await send(`${server.url}/plugins/sinks`, options);
      expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(sentence)]);
      expect(JSON.stringify(answer)).not.toMatch(SECRETS);
    }
    expectNoSecretsLogged();
  });
});

test("the log hides the values of the queries of our own URLs", async ({ server, expectNoSecretsLogged }) => {
  for (const path of ["/?token=t0ken", "/plugins/sources?a=s3cret&b=joe", "/x?t0ken", "/%zz?token=t0ken"]) {
    await ask(server.url + path.replace("?t0ken", "?t=t0ken"));
  }
  await ask(`${server.url}/plugins/sinks/x?token=t0ken`, { method: "DELETE" });
  expectNoSecretsLogged();
});

test("headers with credentials are not logged", async ({ server, expectNoSecretsLogged }) => {
  const headers = { authorization: "Basic s3cret", cookie: "session=t0ken" };
  await send(`${server.url}/plugins/sinks`, { method: "POST", headers, body: "{" });
  await send(`${server.url}/plugins/sinks`, { headers });
  expectNoSecretsLogged();
});

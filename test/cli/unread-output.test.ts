import { expect } from "vitest";
import { start, cliTest as test } from "./kit.ts";

/** A reader that has read enough, such as `head`, ends nothing but what has no end of its own. */

test("nobody reads standard error: the exit status is that of the command", async ({ server }) => {
  const command = start(["show", "sources/nothere"], { server: server.url });
  command.closeReader("stderr");
  expect((await command.ended).status).toBe(4);
});

test("nobody reads standard output: the exit status is that of the command", async ({ server }) => {
  const command = start(["list", "--json"], { server: server.url });
  command.closeReader("stdout");
  expect((await command.ended).status).toBe(0);
});

test("nobody reads what watch prints any more: it ends with the next line", async ({ server, host, cli }) => {
  const watching = start(["watch"], { server: server.url });
  await watching.prints(/waiting for changes/);
  watching.closeReader("stdout");
  await cli("install", host.serveZip({ type: "sources", name: "random" }), "--type", "sources", "--name", "random");
  expect(await watching.ended).toMatchObject({ status: 0 });
});

import { expect } from "vitest";
import { checkNotedReplies, noteReply } from "../support/client-replies.ts";
import { failOnViolations } from "../support/contract-violations.ts";
import { test } from "../support/fixtures.ts";

/** The checks of what the other tests get of built servers. */

test("a reply that is not in the contract fails, but not one of a server that got the port later", async ({
  launch,
  folder,
}) => {
  const server = launch({ base: folder });
  const url = `${await server.url()}/ping`;
  const seen = { method: "GET", url, status: 200, headers: { etag: "x" }, text: "" };

  noteReply(seen);
  await checkNotedReplies();
  expect(failOnViolations).toThrow(`GET ${url} 200: it has etag`);

  await server.dispose();
  noteReply(seen);
  await checkNotedReplies();
  expect(failOnViolations).not.toThrow();
});

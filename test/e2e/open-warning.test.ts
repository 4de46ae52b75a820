import { expect } from "vitest";
import { test } from "../support/fixtures.ts";
import { WARN } from "../support/test-log.ts";

/** A server that the network can reach says once what that means, unless it asks for tokens. */

test.for<[restIp: string, authentication: string, warnings: number]>([
  ["0.0.0.0", "false", 1],
  ["0.0.0.0", "true", 0],
  ["127.0.0.1", "false", 0],
  ["localhost", "false", 0],
])(
  "restIp %s with authentication %s is warned about %i times",
  async ([restIp, authentication, warnings], { launch, folder }) => {
    const settings = { BASIC__RESTIP: restIp, BASIC__AUTHENTICATION: authentication };
    const server = launch({ base: folder, settings });
    await server.output(/"msg":"ready"/);
    const said = server.log.filter(({ level }) => Number(level) >= WARN);
    expect(said).toHaveLength(warnings);
    for (const line of said) {
      expect(line).toMatchObject({
        restIp,
        msg: expect.stringMatching(/can install plugins.*set basic\.authentication/),
      });
    }
  },
);

import { expect, onTestFinished, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { WARN } from "../support/test-log.ts";

/** A server that the network can reach says once what that means, unless it asks for tokens. */

test.each<[restIp: string, authentication: string, warnings: number]>([
  ["0.0.0.0", "false", 1],
  ["0.0.0.0", "true", 0],
  ["127.0.0.1", "false", 0],
  ["localhost", "false", 0],
])("restIp %s, authentication %s: %i warnings", async (restIp, authentication, warnings) => {
  const settings = { BASIC__RESTIP: restIp, BASIC__AUTHENTICATION: authentication };
  const server = new ServerProcess({ base: await tempFolder(), settings });
  onTestFinished(() => server.dispose());
  await server.output(/"msg":"ready"/);
  const said = server.log.filter(({ level }) => Number(level) >= WARN);
  expect(said).toHaveLength(warnings);
  for (const line of said) {
    expect(line).toMatchObject({
      restIp,
      msg: expect.stringMatching(/can install plugins.*set basic\.authentication/),
    });
  }
});

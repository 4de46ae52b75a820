import { expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { HOSTILE_LIMITS, HOSTILE_ZIPS } from "../support/hostile-zips.ts";
import { send } from "../support/http-client.ts";

/** An inspection of whatever a zip has finds the plugin before it checks the zip as one of that plugin: neither lets it through. */

const { maxEntries, maxEntryBytes, maxTotalBytes, maxRatio, maxCheckedJsonBytes } = HOSTILE_LIMITS;
const test = sharedServerTest({
  PLUGINPACKAGE__MAXENTRIES: String(maxEntries),
  PLUGINPACKAGE__MAXENTRYBYTES: String(maxEntryBytes),
  PLUGINPACKAGE__MAXTOTALBYTES: String(maxTotalBytes),
  PLUGINPACKAGE__MAXRATIO: String(maxRatio),
  PLUGINPACKAGE__MAXCHECKEDJSONBYTES: String(maxCheckedJsonBytes),
});

test("a hostile zip is refused and leaves nothing, whatever it is said to be", async ({ server }) => {
  const before = await snapshot(server.base);
  for (const { title, zip } of HOSTILE_ZIPS) {
    for (const query of ["", "?type=sources", "?name=random"]) {
      const url = `${server.url}/plugins/inspect${query}`;
      const headers = { "content-type": "application/zip" };
      const { status } = await send(url, { method: "POST", body: zip(), headers });
      expect([title, query, status]).toEqual([title, query, 400]);
    }
  }
  expect(await snapshot(server.base)).toEqual(before);
});

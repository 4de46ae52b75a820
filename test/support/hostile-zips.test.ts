import { describe, expect, it } from "vitest";
import {
  AMBIGUOUS_BUT_ACCEPTED,
  goodData,
  goodEntries,
  goodZip,
  HOSTILE_LIMITS,
  HOSTILE_ZIPS,
  SO_NAME,
  YAML_NAME,
} from "./hostile-zips.ts";
import { readZip } from "./read-zip.ts";

describe("the hostile zips", () => {
  it("have a title each", () => {
    const titles = [...HOSTILE_ZIPS, ...AMBIGUOUS_BUT_ACCEPTED].map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
  });

  it.each(HOSTILE_ZIPS)("are not the good one: $title", ({ zip, refused }) => {
    const bytes = zip();
    expect(bytes.equals(goodZip())).toBe(false);
    expect(bytes.equals(zip())).toBe(true);
    expect("sources plugins create command error: fail to unzip file http://host/random.zip: ").not.toMatch(refused);
  });

  const quoted = HOSTILE_ZIPS.find(({ title }) => title.includes("better zip bomb"));
  it("quote headers as the better zip bomb does: each entry is right by itself", async () => {
    const bomb = (await readZip(quoted?.zip() ?? Buffer.alloc(0))).slice(goodEntries().length);
    expect(bomb).toHaveLength(8);
    for (const { data } of bomb) expect(data.subarray(-goodData(SO_NAME).length)).toEqual(goodData(SO_NAME));
  });

  // The rest of these is right, so a reader that looks at neither names nor modes finds the plugin in them.
  const readable = HOSTILE_ZIPS.filter(({ title }) => /^(path|twice|file and folder|special file):/.test(title));
  it.each(readable)("hold the good plugin: $title", async ({ zip }) => {
    expect((await readZip(zip())).slice(0, goodEntries().length)).toEqual(await readZip(goodZip()));
  });
});

describe("the zips that only look odd", () => {
  it.each(AMBIGUOUS_BUT_ACCEPTED)("hold the good plugin, within the limits: $title", async ({ zip }) => {
    const entries = await readZip(zip());
    expect(entries).toContainEqual({ name: SO_NAME, data: goodData(SO_NAME) });
    expect(entries).toContainEqual({ name: YAML_NAME, data: goodData(YAML_NAME) });
    expect(entries.length).toBeLessThanOrEqual(HOSTILE_LIMITS.maxEntries);
  });
});

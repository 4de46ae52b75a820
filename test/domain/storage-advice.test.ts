import { expect, it } from "vitest";
import { asStorageFailure, PluginError, storageFailure } from "../../src/domain/errors.ts";
import { folderBelowBase, STORAGE_ERRORS } from "../../src/domain/storage-advice.ts";

const failed = (code: string, path: string, dest?: string) => Object.assign(new Error(code), { code, path, dest });

it.each(STORAGE_ERRORS)(
  "%s is a sentence with the folder and what to do, without the path of the base folder",
  (code) => {
    const failure = asStorageFailure(failed(code, "/srv/kuiper/etc/sources/random.yaml"));
    expect(failure).toBeInstanceOf(PluginError);
    const { message } = failure as PluginError;
    expect(message).toContain("etc/sources");
    expect(message).toMatch(/; \w/);
    expect(message).not.toContain("/srv");
  },
);

it.each([
  ["/srv/kuiper/plugins/sources/Random.so", "plugins/sources"],
  ["/etc/kuiper/etc/sources/random/certs/ca.pem", "etc/sources/random/certs"],
  ["/srv/kuiper/etc/.changes/0d8a/2.new", "etc/.changes"],
  ["/srv/kuiper/plugins/.changes/0d8a/script/etc/sources/x", "plugins/.changes"],
  ["/srv/kuiper/plugins/.incoming", "plugins/.incoming"],
  ["/srv/kuiper/plugins/registry.json.0123456789ab.tmp", "plugins"],
  ["/etc/passwd", undefined],
  ["/tmp/x", undefined],
])("the folder of %s is %s", (path, folder) => {
  expect(folderBelowBase(path)).toBe(folder);
});

it("names the folder that was written to, not the one that a file came from", () => {
  const { message } = storageFailure(failed("EBUSY", "/k/etc/.changes/a/1.new", "/k/etc/sources/random.yaml"));
  expect(message).toContain("in etc/sources (EBUSY)");
});

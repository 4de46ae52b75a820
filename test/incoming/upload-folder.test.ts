import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { UploadFolder } from "../../src/incoming/upload-folder.ts";
import { type FileOperation, observe } from "../support/file-operations.ts";
import { tempFolder } from "../support/temp-folder.ts";

vi.mock("node:fs/promises", async (load) => (await import("../support/file-operations.ts")).observable(await load()));

it("a file system that can't sync a folder, as some network ones, takes uploads all the same", async () => {
  const folder = await tempFolder();
  const fail = ({ call, paths }: FileOperation) => (call === "sync" && paths[0] === folder ? "EINVAL" : undefined);
  const making = { fill: (path: string) => writeFile(path, "content"), mode: 0o644 };
  await observe(() => new UploadFolder(folder).put("ca.pem", making, async () => {}), { fail });
  expect(await readFile(join(folder, "ca.pem"), "utf8")).toBe("content");
});

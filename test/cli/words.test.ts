import { expect, test } from "vitest";
import { stageWords } from "../../src/cli/output/words.ts";

test("a delete puts no files into place", () => {
  expect(stageWords({ action: "install", stage: "commit" })).toBe("putting the files into place");
  expect(stageWords({ action: "delete", stage: "commit" })).toBe("removing the files");
});

import { expect, it } from "vitest";
import { withoutCredentials } from "../../src/domain/plugin-uri.ts";

it.each([
  "http://h/x.zip?SECRET",
  "http://h/x.zip?a=1&SECRET",
  "http://h/x.zip?SECRET&a=1",
  "http://h/x.zip?a=1&SECRET#end",
  "http://h/x.zip#t=SECRET",
  "http://h/x.zip#SECRET",
  "http://h/x.zip?a=1#t=SECRET",
  "http://u:12?SECRET@host/x.zip",
  "http://u:12#SECRET@host/x.zip",
  "/plugins?token=a&SECRET",
  "/plugins?SECRET",
])("nothing of a secret is shown of %j", (text) => {
  expect(withoutCredentials(text)).not.toContain("SECRET");
});

it.each([
  ["http://h/x.zip?a=1", "http://h/x.zip?a=***"],
  ["http://h/x.zip?a=1&b=2", "http://h/x.zip?a=***&b=***"],
  ["http://h/x.zip", "http://h/x.zip"],
  ["http://h:8080/a@v1/x.zip", "http://h:8080/a@v1/x.zip"],
  ["/plugins/sources", "/plugins/sources"],
])("the rest of %j is shown: %j", (text, shown) => {
  expect(withoutCredentials(text)).toBe(shown);
});

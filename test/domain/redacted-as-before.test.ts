import fc from "fast-check";
import { expect, it } from "vitest";
import { withoutCredentials } from "../../src/domain/plugin-uri.ts";
import { parseUrl } from "../../src/lib/url.ts";

/*
 * What redaction means, as the regular expressions said it that it once was made of. They backtrack, which takes minutes
 * on long strings, so they are here alone.
 */
const UNCLEAN = /[\p{Cc}\\]|^\s|\s$/u;
const FILE_FORM = /^file:\/(?!\/)|^file:\/\/(localhost)?\//i;
const AUTHORITY_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i;
const USER_INFO = /^([^:]*:\/\/)[^/?#]*@/;
const ANY_USER_INFO = /^(?=.*(?::|\/\/).*@)((?:[a-z][a-z0-9+.-]*:)?[/\\]*).*@/is;
const PASSWORD_LIKE_PORT = /^[^:]*:\/\/[^/?#@]*:\d*[?#].*@/s;

function byExpressions(uri: string): string {
  const isPlain =
    !UNCLEAN.test(uri) && (AUTHORITY_FORM.test(uri) || FILE_FORM.test(uri)) && parseUrl(uri) !== undefined;
  return uri
    .replace(isPlain && !PASSWORD_LIKE_PORT.test(uri) ? USER_INFO : ANY_USER_INFO, "$1***@")
    .replace(/#.*$/s, "#***")
    .replace(/\?([^#]*)/, (_, query: string) => {
      const redacted = (one: string) => (one.includes("=") ? `${one.slice(0, one.indexOf("="))}=***` : "***");
      return `?${query.replace(/[^&]+/g, redacted)}`;
    });
}

const piece = fc.constantFrom(
  ...["http", "https", "file", "x+y.1-", "ſ", "é", "://", ":", "/", "//", "\\", "@", "?", "#", "&", "=", "%", "."],
  ...["1", "80", "a", "Z", "localhost", "[::1]", " ", "\n", "\u2028", "\0", "\ud83d", "$1", "$&", "***"],
);
const uri = fc.oneof(
  { weight: 3, arbitrary: fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join("")) },
  {
    weight: 2,
    arbitrary: fc.array(piece, { maxLength: 12 }).map((pieces) => `http://${pieces.join("")}`),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
);

it("redacts any address as the expressions do", () => {
  fc.assert(
    fc.property(uri, (text) => {
      expect(withoutCredentials(text)).toBe(byExpressions(text));
    }),
    { numRuns: 20_000 },
  );
});

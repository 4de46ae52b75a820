/**
 * Requests of which each byte costs as much as we know how to make it. All but the last few have 1 MiB, the most that a
 * body has by default; URLs and headers end at Node's 16 KiB.
 *
 * @typedef {object} Costly
 * @property {string} what
 * @property {() => Buffer | Buffer[]} make the bytes of one request; several are written one after the other
 * @property {number} [times] how many are sent
 * @property {number} [replies] how many replies come to what is sent at once
 */

const BODY = 1024 * 1024;
const INSTALL = "POST /plugins/functions";
const UPLOAD = "POST /config/uploads";
const REGISTER = "POST /plugins/functions/none/register";
const HEAD = 15_000;

/** @type {readonly Costly[]} */
export const COSTLY = [
  json("plain: one string", `{"name":"a","file":"`, "x", `"}`),
  json("[[[[…", "", "[", "", { isWhole: true }),
  json("lists in lists, closed", "", "[", "]", { mirrored: true }),
  json('{"a":{"a":…, closed', "", '{"a":', "}", { mirrored: true, core: "1" }),
  json("[{},{},…", `{"x":[`, "{},", "0]}"),
  json("[[],[],…", `{"x":[`, "[],", "0]}"),
  json("numbers", `{"x":[`, "1,", "0]}"),
  json("long numbers", `{"x":[`, "1.23456789e-12,", "0]}"),
  json("distinct keys", "{", (index) => `"k${index}":0,`, `"name":"a"}`),
  json("distinct keys, nested", `{"x":{`, (index) => `"k${index}":0,`, `"name":"a"}}`),
  json("index keys", "{", (index) => `"${index * 97}":0,`, `"name":"a"}`),
  json("one key again and again", "{", `"name":0,`, `"name":"a"}`),
  json("__proto__ again and again", "{", `"__proto__":{},`, `"name":"a"}`),
  json("a key in other cases", "{", (index) => `"${cased("shellparas", index)}":1,`, `"name":"a"}`),
  json("escapes", `{"name":"a","file":"`, "\\u0000", `"}`),
  json("UTF-8 of three bytes", `{"name":"a","file":"`, "€", `"}`),
  json("spaces before it", "", " ", `{"name":"a"}`),
  json("shellParas: empty strings", `{"name":"a","file":"b","shellParas":[`, `"",`, `""]}`),
  json("functions: empty strings", `{"name":"a","file":"b","functions":[`, `"",`, `""]}`),
  json("functions: short names", `{"name":"a","file":"b","functions":[`, (index) => `"f${index}",`, `""]}`),
  json("signature: spaces", `{"name":"a","file":"b","signature":"`, " ", `"}`),
  json("register: short names", `{"functions":[`, (index) => `"f${index}",`, `""]}`, { line: REGISTER }),
  json("upload: content", `{"name":"a","content":"`, "x", `"}`, { line: UPLOAD }),
  json("upload: content of escapes", `{"name":"a","content":"`, "\\u20ac", `"}`, { line: UPLOAD }),
  json("upload: base64", `{"name":"a","base64":"`, "AAAA", `"}`, { line: UPLOAD }),
  { what: "JSON, plain, in chunks of one byte", make: () => chunked(INSTALL, `{"name":"a","file":"`, "x", `"}`, 1) },
  { what: "JSON, plain, in chunks of 16 bytes", make: () => chunked(INSTALL, `{"name":"a","file":"`, "x", `"}`, 16) },
  form("fields of one byte", (index) => part(`f${index}`, "x"), { parts: 1000, fill: 0 }),
  form("fields that nobody knows", (index) => part(`f${index}`, "x".repeat(900)), { parts: 1000 }),
  form("functions as fields", () => part("functions", "x".repeat(900)), { parts: 1000 }),
  form("part headers", () => `--b\r\n${"x: y\r\n".repeat(1300)}\r\nx\r\n`, { parts: 130 }),
  form("a part header without end", () => `--b\r\nContent-Disposition: form-data; name="${"x".repeat(BODY)}`, {
    parts: 1,
  }),
  form(
    "parameters of a part header",
    () => `--b\r\nContent-Disposition: form-data; ${`a="b"; `.repeat(1100)}\r\n\r\nx\r\n`,
    {
      parts: 130,
    },
  ),
  form("almost boundaries", () => part("file", "\r\n--".repeat(BODY / 4)), { parts: 1 }),
  form("line ends", () => part("file", "\r\n".repeat(BODY / 2)), { parts: 1 }),
  form("a file of almost boundaries", () => part("zip", "\r\n--".repeat(BODY / 4), "a.zip"), {
    parts: 1,
    line: UPLOAD,
  }),
  form("too many parts", () => "--b\r\n\r\nx\r\n", { parts: 90_000 }),
  {
    what: "form: a boundary of 8 kB and almost that",
    make: () => {
      const boundary = "b".repeat(8000);
      const content = `\r\n--${boundary.slice(1)}`.repeat(BODY / 8003);
      const body = `--${boundary}\r\nContent-Disposition: form-data; name="file"\r\n\r\n${content}\r\n--${boundary}--`;
      return request(INSTALL, body, `Content-Type: multipart/form-data; boundary=${boundary}\r\n`);
    },
  },
  {
    what: "zip in chunks of one byte (64 KiB)",
    make: () => chunked(`${UPLOAD}?name=a`, "PK\x03\x04", "x", "", 1, 64 * 1024, "Content-Type: application/zip\r\n"),
  },
  {
    what: "zip, one byte a packet (64 KiB)",
    times: 8,
    make: () => {
      const [head, body] = request(
        `${UPLOAD}?name=a`,
        `PK\x03\x04${"x".repeat(64 * 1024)}`,
        "Content-Type: application/zip\r\n",
      );
      return [head, ...Array.from(body, (byte) => Buffer.of(byte))];
    },
  },
  head("query: parameters", `GET /plugins/functions?${"a&".repeat(HEAD / 2)} HTTP/1.1\r\n`),
  head("query: distinct parameters", `GET /plugins/functions?${numbered((index) => `${index}=&`)} HTTP/1.1\r\n`),
  head("query: %-escapes", `GET /plugins/functions?a=${"%41".repeat(HEAD / 3)} HTTP/1.1\r\n`),
  head("query: invalid %-escapes", `GET /plugins/functions?a=${"%ff".repeat(HEAD / 3)} HTTP/1.1\r\n`),
  head("path: %-escapes", `GET /plugins/functions/${"%41".repeat(HEAD / 3)} HTTP/1.1\r\n`),
  head("path: slashes", `GET /${"/".repeat(HEAD)} HTTP/1.1\r\n`),
  head("headers of one letter", `GET /ping HTTP/1.1\r\n${"a:\r\n".repeat(1990)}`),
  head("headers with names", `GET /ping HTTP/1.1\r\n${numbered((index) => `a${index}:\r\n`)}`),
  head("Prefer", `DELETE /plugins/functions/none HTTP/1.1\r\nPrefer: ${"a,".repeat(HEAD / 2)}\r\n`),
  head("Prefer: parameters", `DELETE /plugins/functions/none HTTP/1.1\r\nPrefer: a${";b=1".repeat(HEAD / 4)}\r\n`),
  head("Host", `GET /plugins/functions HTTP/1.1\r\nOrigin: http://${"a.".repeat(HEAD / 2)}\r\n`),
  {
    what: "pipelined: 10,000 GET /ping at once",
    times: 8,
    replies: 10_000,
    make: () => Buffer.from("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n".repeat(10_000)),
  },
];

function json(what, before, unit, after, { line = INSTALL, isWhole, mirrored, core = "" } = {}) {
  const make = () => {
    if (isWhole) return request(line, unit.repeat(BODY));
    if (mirrored) {
      const depth = Math.floor(BODY / (unit.length + after.length)) - 1;
      return request(line, unit.repeat(depth) + core + after.repeat(depth));
    }
    return request(line, filled(before, unit, after));
  };
  return { what: `JSON: ${what}`, make };
}

function filled(before, unit, after, bytes = BODY) {
  const next = typeof unit === "string" ? () => unit : unit;
  const pieces = [before];
  let length = Buffer.byteLength(before) + Buffer.byteLength(after);
  for (let index = 0; ; index += 1) {
    const piece = next(index);
    length += Buffer.byteLength(piece);
    if (length > bytes) return pieces.join("") + after;
    pieces.push(piece);
  }
}

function cased(word, index) {
  return [...word].map((letter, at) => ((index >> at) & 1 ? letter.toUpperCase() : letter)).join("");
}

function form(what, toPart, { parts, line = INSTALL }) {
  const make = () => {
    const body = `${Array.from({ length: parts }, (_, index) => toPart(index)).join("")}--b--\r\n`;
    return request(line, body, "Content-Type: multipart/form-data; boundary=b\r\n");
  };
  return { what: `form: ${what}`, make };
}

function part(name, content, fileName) {
  const file = fileName === undefined ? "" : `; filename="${fileName}"`;
  return `--b\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
}

function request(line, body, headers = "") {
  const bytes = Buffer.from(body);
  return [Buffer.from(`${line} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`), bytes];
}

function chunked(line, before, unit, after, size, bytes = BODY, headers = "") {
  const body = filled(before, unit, after, bytes);
  const chunks = [];
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.slice(at, at + size);
    chunks.push(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  }
  return Buffer.from(
    `${line} HTTP/1.1\r\nHost: x\r\n${headers}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`,
    "latin1",
  );
}

function head(what, lines) {
  return { what, times: 256, make: () => Buffer.from(`${lines}Host: x\r\n\r\n`) };
}

function numbered(toText) {
  let text = "";
  for (let index = 0; text.length < HEAD - 10; index += 1) text += toText(index);
  return text;
}

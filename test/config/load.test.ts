import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { tempFolder } from "../support/temp-folder.ts";

type Env = Record<string, string>;

async function load(yaml: string | Buffer, env: Env = {}): Promise<LoadedConfig> {
  const file = join(await tempFolder(), "kuiper.yaml");
  await writeFile(file, yaml);
  return loadConfig(file, env);
}

const DEFAULTS = loadConfig("/nowhere/kuiper.yaml", {}).config;

describe("without a file", () => {
  it("has the defaults", () => {
    expect(DEFAULTS).toMatchObject({
      basic: {
        debug: false,
        restIp: "127.0.0.1",
        restPort: 9081,
        restTls: { certfile: "", keyfile: "" },
        pluginHosts: "https://packages.emqx.io",
      },
      http: { allowedOrigins: [], maxBodyBytes: 1024 * 1024 },
      pluginDownload: { maxBytes: 512 * 1024 * 1024, verifyTls: true, allowedHosts: [] },
      installScript: { enabled: true },
      log: { auditFile: "", format: "auto", maxBufferBytes: 1048576 },
    });
  });

  it("warns of nothing", () => {
    expect(loadConfig("/nowhere/kuiper.yaml", { PATH: "/bin", KuiperBaseKey: "/x" }).warnings).toEqual([]);
  });

  it("is frozen to the last leaf", () => {
    expect(unfrozen(DEFAULTS)).toEqual([]);
    expect(() => Object.assign(DEFAULTS.basic, { restPort: 1 })).toThrow(TypeError);
  });

  it("is a new one each time, so that nobody shares lists with the schema", () => {
    const again = loadConfig("/nowhere/kuiper.yaml", {}).config;
    expect(again).toEqual(DEFAULTS);
    expect(again.http.allowedOrigins).not.toBe(DEFAULTS.http.allowedOrigins);
  });
});

describe("a file that says nothing has the defaults", () => {
  it.each([
    ["", "an empty file"],
    ["# a comment\n", "comments"],
    ["---\n...\n", "an empty document"],
    ["null\n", "null"],
    ["{}\n", "no keys"],
    ["basic:\nhttp: ~\npluginDownload: null\n", "sections without keys"],
    ["basic:\n  restPort:\n  restTls:\n  pluginHosts: null\n", "keys without values"],
    ["\ufeff# begins with a byte order mark\n", "a byte order mark"],
    ["---\n---\n# nothing\n---\n", "several empty documents"],
  ])("%j: %s", async (yaml) => {
    expect(await load(yaml)).toEqual({ config: DEFAULTS, warnings: [] });
  });
});

it("accepts the original's file, whole and without a word", () => {
  const { config, warnings } = loadConfig(join(import.meta.dirname, "original-kuiper.yaml"), {});
  expect(warnings).toEqual([]);
  expect(config).toEqual({ ...DEFAULTS, basic: { ...DEFAULTS.basic, restIp: "0.0.0.0" } });
});

it("takes values from the file and keeps the other defaults", async () => {
  const { config } = await load(`
basic:
  debug: true
  restTls:
    certfile: /certs/server.crt
pluginDownload:
  allowedHosts: ["*.example.com", packages.emqx.io]
changes:
  shutdownTimeoutSeconds: 0.5
log: { format: json }
`);
  expect(config).toEqual({
    ...DEFAULTS,
    basic: { ...DEFAULTS.basic, debug: true, restTls: { certfile: "/certs/server.crt", keyfile: "" } },
    pluginDownload: { ...DEFAULTS.pluginDownload, allowedHosts: ["*.example.com", "packages.emqx.io"] },
    changes: { ...DEFAULTS.changes, shutdownTimeoutSeconds: 0.5 },
    log: { auditFile: "", format: "json", maxBufferBytes: 1048576 },
  });
});

it.each([
  ["basic:\n  restPort: '9082'", "basic", "restPort", 9082],
  ["basic:\n  restPort: 0x2382", "basic", "restPort", 9090],
  ["basic:\n  restPort: 9.082e3", "basic", "restPort", 9082],
  ["basic:\n  debug: 'TRUE'", "basic", "debug", true],
  ["changes:\n  shutdownTimeoutSeconds: '1.50'", "changes", "shutdownTimeoutSeconds", 1.5],
  ["prebuild:\n  version: 1.10", "prebuild", "version", "1.10"],
  ["prebuild:\n  version: 2", "prebuild", "version", "2"],
  ["prebuild:\n  arch: 386", "prebuild", "arch", "386"],
  ["http:\n  allowedHosts: a.example, b.example", "http", "allowedHosts", ["a.example", "b.example"]],
  ["basic:\n  restPort: 1\n  restPort: 2", "basic", "restPort", 2],
] as const)("reads %j as it was meant", async (yaml, section, key, value) => {
  expect((await load(yaml)).config[section]).toHaveProperty(key, value);
});

describe("pluginHosts", () => {
  it.each([
    ["below basic", "basic:\n  pluginHosts: https://a.example", "https://a.example"],
    ["at the top, as the documents have it", "pluginHosts: https://a.example", "https://a.example"],
    ["at the top beside an empty basic", "pluginHosts: https://a.example\nbasic:", "https://a.example"],
    ["in both, where basic wins", "pluginHosts: https://a.example\nbasic: {pluginHosts: b}", "b"],
  ])("%s", async (_, yaml, pluginHosts) => {
    const { config, warnings } = await load(yaml);
    expect(config.basic.pluginHosts).toBe(pluginHosts);
    expect(warnings).toEqual([]);
  });
});

describe("environment variables", () => {
  it.each<[string, string, string, string, unknown]>([
    ["KUIPER__BASIC__RESTPORT", "9082", "basic", "restPort", 9082],
    ["kuiper__basic__restPort", "9082", "basic", "restPort", 9082],
    ["Kuiper__Basic__RestPort", " 9082 ", "basic", "restPort", 9082],
    ["KUIPER__BASIC__RESTIP", "0.0.0.0", "basic", "restIp", "0.0.0.0"],
    ["KUIPER__BASIC__RESTTLS__CERTFILE", "/c.pem", "basic", "restTls.certfile", "/c.pem"],
    ["KUIPER__BASIC__DEBUG", "True", "basic", "debug", true],
    ["KUIPER__PLUGINDOWNLOAD__VERIFYTLS", "false", "pluginDownload", "verifyTls", false],
    ["KUIPER__PREBUILD__VERSION", "1.10", "prebuild", "version", "1.10"],
    ["KUIPER__LOG__FORMAT", "pretty", "log", "format", "pretty"],
    ["KUIPER__HTTP__ALLOWEDHOSTS", "[a.example, b.example]", "http", "allowedHosts", ["a.example", "b.example"]],
    ["KUIPER__HTTP__ALLOWEDHOSTS", "a.example,b.example", "http", "allowedHosts", ["a.example", "b.example"]],
    ["KUIPER__HTTP__ALLOWEDHOSTS", `["a.example", 'b.example']`, "http", "allowedHosts", ["a.example", "b.example"]],
    ["KUIPER__HTTP__ALLOWEDORIGINS", "https://a.example:8443", "http", "allowedOrigins", ["https://a.example:8443"]],
    ["KUIPER__PLUGINDOWNLOAD__ALLOWEDHOSTS", "*.example.com", "pluginDownload", "allowedHosts", ["*.example.com"]],
    ["KUIPER__PLUGINDOWNLOAD__ALLOWEDHOSTS", "10, [a", "pluginDownload", "allowedHosts", ["10", "[a"]],
    ["KUIPER__HTTP__ALLOWEDHOSTS", "", "http", "allowedHosts", []],
    ["KUIPER__HTTP__ALLOWEDHOSTS", "[]", "http", "allowedHosts", []],
  ])("%s=%s", async (variable, text, section, key, value) => {
    const { config, warnings } = await load("", { [variable]: text });
    expect(config[section as "basic"]).toHaveProperty(key, value);
    expect(warnings).toEqual([]);
  });

  it.each<[string, string, string, string, unknown]>([
    ["KUIPER__BASIC__RESTPORT", '"9082"', "basic", "restPort", 9082],
    ["KUIPER__BASIC__DEBUG", "'true'\r", "basic", "debug", true],
    ["KUIPER__BASIC__RESTIP", ' "0.0.0.0"', "basic", "restIp", "0.0.0.0"],
    ["KUIPER__UPLOADS__FOLDER", "'data/x y'", "uploads", "folder", "data/x y"],
    ["KUIPER__LOG__AUDITFILE", '"log/audit.log"', "log", "auditFile", "log/audit.log"],
    ["KUIPER__LOG__AUDITFILE", '""', "log", "auditFile", ""],
    ["KUIPER__LOG__FORMAT", `'"json"'`, "log", "format", "json"],
    ["KUIPER__PREBUILD__VERSION", '"1.10"', "prebuild", "version", "1.10"],
    ["KUIPER__HTTP__ALLOWEDHOSTS", '"a.example, b.example"', "http", "allowedHosts", ["a.example", "b.example"]],
    ["KUIPER__HTTP__ALLOWEDHOSTS", `'["a.example"]'`, "http", "allowedHosts", ["a.example"]],
    ["KUIPER__HTTP__ALLOWEDHOSTS", '"a.example","b.example"', "http", "allowedHosts", ["a.example", "b.example"]],
  ])("in quotes that no shell took away: %s=%s", async (variable, text, section, key, value) => {
    const { config, warnings } = await load("", { [variable]: text });
    expect(config[section as "basic"]).toHaveProperty(key, value);
    expect(warnings).toEqual([]);
  });

  it.each(["BASIC__DEBUG", "BASIC__RESTPORT", "CHANGES__SHUTDOWNTIMEOUTSECONDS", "LOG__FORMAT", "BASIC__RESTIP"])(
    "KUIPER__%s without a value, as compose leaves that of an unset one, is not set",
    async (name) => {
      for (const empty of ["", " ", '""']) {
        const { config, warnings } = await load("changes: {maxConcurrent: 7}", { [`KUIPER__${name}`]: empty });
        expect(config).toEqual({ ...DEFAULTS, changes: { ...DEFAULTS.changes, maxConcurrent: 7 } });
        expect(warnings).toEqual([`environment variable KUIPER__${name} is empty: it counts as not set`]);
      }
    },
  );

  it("without a value leave what the file says", async () => {
    const { config } = await load("basic: {authentication: true}", { KUIPER__BASIC__AUTHENTICATION: "" });
    expect(config.basic.authentication).toBe(true);
  });

  it("win over the file, also over its wrong values", async () => {
    const env = { KUIPER__BASIC__RESTPORT: "9083", KUIPER__HTTP__ALLOWEDHOSTS: "[]" };
    const { config } = await load("basic: {restPort: nonsense}\nhttp: {allowedHosts: [a]}", env);
    expect(config.basic.restPort).toBe(9083);
    expect(config.http.allowedHosts).toEqual([]);
  });
});

describe("a key that nothing reads is reported by its name", () => {
  it.each([
    ["basics:\n  restPort: 1", ["basics"]],
    ["basic:\n  restport: 1", ["basic.restport"]],
    ["basic:\n  restTls:\n    certFile: a", ["basic.restTls.certFile"]],
    ["basic:\n  restPorts: 1\nlogs: 1\nlog:\n  formatt: json", ["basic.restPorts", "logs", "log.formatt"]],
    ["a: 1\n__proto__:\n  restPort: 1\nconstructor: 2", ["a", "__proto__", "constructor"]],
    ["basic:\n  __proto__: {restPort: 1}\n  toString: x", ["basic.__proto__", "basic.toString"]],
    ["<<: {basic: {restPort: 1}}", ["<<"]],
  ])("%j", async (yaml, keys) => {
    const { config, warnings } = await load(yaml);
    expect(warnings).toEqual(keys.map((key) => `kuiper.yaml has a key that nothing reads: ${key}`));
    expect(config).toEqual(DEFAULTS);
    expect({}).not.toHaveProperty("restPort");
  });

  it.each([
    ["KUIPER__BASIC__RESTPORTS", true],
    ["KUIPER__RESTPORT", true],
    ["kuiper__basics__restPort", true],
    ["KUIPER__BASIC__CONSOLELOG", false],
    ["kuiper__basic__prometheusPort", false],
    ["KUIPER__RULE__QOS", false],
    ["KUIPER__SINK__CACHETHRESHOLD", false],
    ["KUIPER_BASIC_RESTPORT", false],
    ["MQTT_SOURCE__DEFAULT__SERVERS", false],
  ])("%s: %s", async (variable, reported) => {
    const expected = reported ? [`an environment variable names a key that nothing reads: ${variable}`] : [];
    expect((await load("", { [variable]: "1" })).warnings).toEqual(expected);
  });

  it.each([20, 21, 80_000])("of %d keys the first 20 are named, and the others are counted", async (count) => {
    const [keys, more] = [
      names(count, "k"),
      count > 20 ? [`and ${count - 20} more keys of kuiper.yaml that nothing reads`] : [],
    ];
    const { config, warnings } = await load(`basic:\n${keys.map((key) => `  ${key}: 1\n`).join("")}  restPort: 7\n`);
    const named = keys.slice(0, 20).map((key) => `kuiper.yaml has a key that nothing reads: basic.${key}`);
    expect(warnings).toEqual([...named, ...more]);
    expect(config.basic.restPort).toBe(7);
  });

  it("so are the environment variables, apart from the keys of the file", async () => {
    const variables = Object.fromEntries(names(1000, "KUIPER__K").map((name) => [name, "1"]));
    const { warnings } = await load("k: 1", variables);
    expect(warnings).toHaveLength(22);
    expect(warnings.at(0)).toBe("kuiper.yaml has a key that nothing reads: k");
    expect(warnings.at(20)).toBe("an environment variable names a key that nothing reads: KUIPER__K19");
    expect(warnings.at(21)).toBe("and 980 more such environment variables");
  });

  it("of a long one the beginning, without line ends", async () => {
    const { warnings } = await load(`"\\n${"x".repeat(1000)}": 1`);
    expect(warnings).toEqual([`kuiper.yaml has a key that nothing reads: \\u000a${"x".repeat(199)}…`]);
  });

  it.each(["basic:\n  CONSOLELOG: true", "Rule: {a: {b: 1}}", "sink: nonsense", "source:", "portable: [1]"])(
    "the engine's own keys pass without a word: %j",
    async (yaml) => expect(await load(yaml)).toEqual({ config: DEFAULTS, warnings: [] }),
  );
});

describe("a wrong value stops the start with one line", () => {
  it.each([
    ["basic:\n  restPort: 70000", "basic.restPort is 70000; allowed is a whole number from 0 to 65535"],
    ["basic:\n  restPort: -1", "basic.restPort is -1; allowed is a whole number from 0 to 65535"],
    ["basic:\n  restPort: 9081.5", "basic.restPort is 9081.5; allowed is a whole number from 0 to 65535"],
    ["basic:\n  restPort: http", 'basic.restPort is "http"; allowed is a whole number from 0 to 65535'],
    ["basic:\n  restPort: ''", 'basic.restPort is ""; allowed is a whole number from 0 to 65535'],
    ["basic:\n  restPort: [9081]", "basic.restPort is [ 9081 ]; allowed is a whole number from 0 to 65535"],
    ["basic:\n  restPort: true", "basic.restPort is true; allowed is a whole number from 0 to 65535"],
    ["basic:\n  restPort: .inf", 'basic.restPort is ".inf"; allowed is a whole number from 0 to 65535'],
    ["basic:\n  restPort: Infinity", 'basic.restPort is "Infinity"; allowed is a whole number from 0 to 65535'],
    ["basic:\n  debug: yes please", 'basic.debug is "yes please"; allowed is true or false'],
    ["basic:\n  debug: constructor", 'basic.debug is "constructor"; allowed is true or false'],
    ["basic:\n  debug: 1", "basic.debug is 1; allowed is true or false"],
    ["basic:\n  restIp: true", "basic.restIp is true; allowed is a string"],
    ["basic:\n  restIp: {a: 1}", "basic.restIp is { a: 1 }; allowed is a string"],
    ["http:\n  allowedHosts: [1, 2]", "http.allowedHosts is [ 1, 2 ]; allowed is a list of strings"],
    ["http:\n  allowedHosts: {a: 1}", "http.allowedHosts is { a: 1 }; allowed is a list of strings"],
    ["http:\n  allowedHosts: [a, null]", "http.allowedHosts is [ 'a', null ]; allowed is a list of strings"],
    ["prebuild:\n  timeoutSeconds: 0", "prebuild.timeoutSeconds is 0; allowed is a number from 0.05 to 3600"],
    ["log:\n  format: xml", 'log.format is "xml"; allowed is one of auto, json, pretty'],
    ["basic:\n  restPort: &a [*a]", "basic.restPort is <ref *1> [ [Circular *1] ]; allowed is a whole number"],
    [`basic:\n  restPort: "a\\nb${"c".repeat(5000)}"`, `basic.restPort is "a\\nb${"c".repeat(75)}…; allowed is`],
    ["basic: 5", "basic is 5; it should have keys below it, such as basic.debug"],
    ["basic: [restPort]", "basic is [ 'restPort' ]; it should have keys below it, such as basic.debug"],
    ["basic: 5\npluginHosts: a", "basic is 5; it should have keys below it, such as basic.debug"],
    [
      "basic:\n  restTls: /c.pem",
      'basic.restTls is "/c.pem"; it should have keys below it, such as basic.restTls.cert',
    ],
  ])("%j", async (yaml, sentence) => {
    expect(await refusal(yaml)).toContain(`kuiper.yaml: ${sentence}`);
  });

  it("names the variable where the value is from the environment", async () => {
    const message = await refusal("basic: {restPort: 9081}", { kuiper__basic__restport: "many" });
    expect(message).toMatch(
      /^environment variable KUIPER__BASIC__RESTPORT is "many"; allowed is a whole number from 0 to 65535$/,
    );
  });
});

describe("a variable with two meanings stops the start with one line", () => {
  it.each([
    [{ KUIPER__UPLOADS__FOLDER: '"data/x' }, 'UPLOADS__FOLDER is "\\"data/x": it has a " at one end only; remove it'],
    [{ KUIPER__BASIC__RESTPORT: "9082'" }, `BASIC__RESTPORT is "9082'": it has a ' at one end only; remove it`],
    [
      { KUIPER__BASIC__RESTPORT: "1", kuiper__basic__restPort: "2" },
      "BASIC__RESTPORT is there twice, in capital and in small letters; remove one",
    ],
  ])("%j", async (env, sentence) => {
    expect(await refusal("", env)).toBe(`environment variable KUIPER__${sentence}`);
  });

  it("not where both say the same", async () => {
    const env = { KUIPER__BASIC__RESTPORT: '"9082"', kuiper__basic__restPort: "9082" };
    expect((await load("", env)).config.basic.restPort).toBe(9082);
  });
});

describe("a file as Windows programs save it is read as it was meant", () => {
  const YAML = "# 配置\r\nbasic:\r\n  restPort: 9082\r\n";
  const utf16 = (text: string) => Buffer.from(text, "utf16le");

  it.each<[string, string | Buffer]>([
    ["with Windows line ends", YAML],
    ["with a byte order mark", `\ufeff${YAML}`],
    ["as UTF-16", utf16(`\ufeff${YAML}`)],
    ["as UTF-16 without a byte order mark", utf16(YAML)],
    ["as UTF-16, big-endian", utf16(`\ufeff${YAML}`).swap16()],
    ["with a comment in another encoding", Buffer.from("# f\xfcr\nbasic: {restPort: 9082}\n", "latin1")],
  ])("%s", async (_, yaml) => {
    const { config, warnings } = await load(yaml);
    expect(config.basic.restPort).toBe(9082);
    expect(warnings).toEqual([]);
  });

  it("or refused, where a value is in another encoding", async () => {
    const yaml = Buffer.from("uploads: {folder: f\xfcr}\n", "latin1");
    expect(await refusal(yaml)).toMatch(
      /uploads\.folder is "f.r", which has bytes that are not UTF-8; save it as UTF-8$/,
    );
  });
});

describe("of several documents", () => {
  it.each([
    ["---\nbasic: {restPort: 9082}\n---\n", "the first"],
    ["# nothing\n---\n---\nbasic: {restPort: 9082}\n...\n", "the last"],
    ["---\n~\n---\nbasic: {restPort: 9082}\n---\n# end\n", "one in the middle"],
  ])("%j: %s says something", async (yaml) => {
    expect((await load(yaml)).config.basic.restPort).toBe(9082);
  });
});

describe("a file that is no configuration stops the start with one line", () => {
  it.each([
    ["basic: [", "is not valid YAML: Flow sequence in block collection"],
    ["basic:\n\trestPort: 1", "is not valid YAML: "],
    ["basic: *nowhere", "is not valid YAML: Unresolved alias"],
    ["http:\n  allowedHosts: *.example.com", "is not valid YAML: "],
    [
      "a: 1\n---\nb: 2",
      "is not valid YAML: Source contains multiple documents: put the settings of all into one, and remove the line --- (line 2)",
    ],
    [Buffer.from("a\0\0\0:\0\0\0"), "is not valid YAML: it is UTF-32 text; save it as UTF-8"],
    ["- basic", "should have keys such as basic:, but it is [ 'basic' ]"],
    ["restPort", 'should have keys such as basic:, but it is "restPort"'],
    ["42", "should have keys such as basic:, but it is 42"],
    [billionLaughs(), "is not valid YAML: Excessive alias count"],
  ])("%j", async (yaml, sentence) => {
    expect(await refusal(yaml)).toContain(`kuiper.yaml ${sentence}`);
  });

  it("a file that is too large to have settings, without reading it", async () => {
    const file = join(await tempFolder(), "kuiper.yaml");
    await writeFile(file, "");
    await truncate(file, 2 ** 40);
    expect(() => loadConfig(file, {})).toThrow(/^\/.*kuiper\.yaml can't be read: it has more than 1048576 bytes$/);
  });

  it("a folder in its place", async () => {
    const file = join(await tempFolder(), "kuiper.yaml");
    await mkdir(file);
    expect(() => loadConfig(file, {})).toThrow(ConfigError);
    expect(() => loadConfig(file, {})).toThrow(/^\/.*kuiper\.yaml can't be read: EISDIR.*$/);
  });
});

async function refusal(yaml: string | Buffer, env: Env = {}): Promise<string> {
  const error = await load(yaml, env).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(ConfigError);
  const { message } = error as ConfigError;
  expect(message).not.toContain("\n");
  expect(message.length).toBeLessThan(400);
  return message;
}

function names(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function billionLaughs(): string {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 10; level += 1) {
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(", ")}]`,
    );
  }
  return lines.join("\n");
}

function unfrozen(value: unknown, path = "config"): string[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.entries(value).flatMap(([key, child]) => unfrozen(child, `${path}.${key}`));
  return Object.isFrozen(value) ? below : [path, ...below];
}

import { type Static, type TSchema, Type } from "@sinclair/typebox";

/**
 * Every setting of etc/kuiper.yaml that this server reads, with its default, its bounds and the words that a wrong
 * value is answered with. The table in docs/settings.md and the shipped file are checked against this schema by a test.
 */

const boolean = (value: boolean, description: string) => Type.Boolean({ default: value, description });

const integer = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description });

const seconds = (value: number, maximum: number, description: string) =>
  Type.Number({ default: value, minimum: 0.05, maximum, description });

const text = (value: string, description: string) => Type.String({ default: value, description });

const nonEmptyText = (value: string, description: string) => Type.String({ default: value, minLength: 1, description });

const list = (description: string) => Type.Array(Type.String(), { default: [], description });

const choice = <T extends string>(value: T, values: readonly T[], description: string) =>
  Type.Unsafe<T>(
    Type.Union(
      values.map((one) => Type.Literal(one)),
      { default: value, description },
    ),
  );

const section = <T extends Record<string, TSchema>>(properties: T) => Type.Object(properties, { default: {} });

const MiB = 1024 * 1024;
const DAY = 86_400;

export const ConfigSchema = section({
  basic: section({
    debug: boolean(false, "Log more: every request that only reads, too."),
    restIp: nonEmptyText("127.0.0.1", "The address to listen on. 0.0.0.0 opens the server to the network."),
    restPort: integer(9081, 0, 65_535, "The port to listen on; 0 takes a free one and logs it."),
    authentication: boolean(false, "Ask for a JSON web token; the keys of who may make them are in etc/mgmt."),
    restTls: section({
      certfile: text("", "Certificate (PEM) for HTTPS; a relative path starts at the base folder."),
      keyfile: text("", "Private key (PEM) for HTTPS."),
    }),
    pluginHosts: text(
      "https://packages.emqx.io",
      "Hosts with prebuilt plugins, separated by commas; the first one wins for a name.",
    ),
  }),
  http: section({
    allowedOrigins: Type.Array(
      Type.String({
        pattern: "^https?://[^/*]+/?$",
        description: "a list of origins such as https://dashboard.example",
      }),
      {
        default: [],
        description: "Origins of web pages that may call this server, such as https://dashboard.example.",
      },
    ),
    allowedHosts: list("Names, besides addresses and localhost, by which a browser may address this server."),
    maxBodyBytes: integer(MiB, 1024, 1024 * MiB, "The largest body of a request."),
    headersTimeoutSeconds: seconds(10, DAY, "The time that a client has to send the headers of a request."),
    requestTimeoutSeconds: seconds(30, DAY, "The time that a client has to send a whole request."),
    maxConnections: integer(1024, 1, 1_000_000, "Connections at once; further ones are closed."),
  }),
  changes: section({
    maxConcurrent: integer(4, 1, 256, "Installs and deletes that run at once."),
    maxQueued: integer(256, 0, 100_000, "Installs and deletes that wait; further ones are answered 503."),
    shutdownTimeoutSeconds: seconds(30, DAY, "The time that running installs have to finish when the server stops."),
  }),
  pluginDownload: section({
    maxBytes: integer(512 * MiB, 1, Number.MAX_SAFE_INTEGER, "The largest zip."),
    connectTimeoutSeconds: seconds(10, DAY, "The time to reach a host."),
    idleTimeoutSeconds: seconds(30, DAY, "The longest silence of a host."),
    timeoutSeconds: seconds(600, DAY, "The time of a whole download."),
    maxRedirects: integer(10, 0, 100, "Redirects that are followed; never to another scheme than http and https."),
    ca: text("", "Certificates (PEM) of a private authority to trust besides the usual ones."),
    maxRetries: integer(2, 0, 20, "How often a download that broke off is taken up again."),
    allowedHosts: list("Hosts that zips may come from; *.example.com allows those below it; empty allows all."),
    allowedFolders: list("Folders that file: URLs may name; empty allows every file that the server can read."),
    verifyTls: boolean(true, "false accepts any certificate: whoever is on the path can then replace a plugin."),
  }),
  pluginPackage: section({
    maxEntries: integer(10_000, 1, 1_000_000, "Entries of a zip."),
    maxEntryBytes: integer(1024 * MiB, 1, Number.MAX_SAFE_INTEGER, "The unpacked size of one entry."),
    maxTotalBytes: integer(2048 * MiB, 1, Number.MAX_SAFE_INTEGER, "The unpacked size of a zip."),
    maxRatio: integer(200, 1, 1100, "How many times larger than its packed size an entry over 1 MiB may be."),
    unpackTimeoutSeconds: seconds(600, DAY, "The time to unpack a zip."),
  }),
  installScript: section({
    enabled: boolean(true, "false refuses every zip that has an install.sh."),
    timeoutSeconds: seconds(300, DAY, "The time that install.sh and everything it started has."),
    maxOutputBytes: integer(MiB, 1024, 1024 * MiB, "How much of its output is logged."),
    maxCpuSeconds: integer(300, 0, DAY, "CPU time of each of its processes; 0 is no limit."),
    maxMemoryBytes: integer(4096 * MiB, 0, Number.MAX_SAFE_INTEGER, "Address space of each process; 0 is no limit."),
    maxFileBytes: integer(2048 * MiB, 0, Number.MAX_SAFE_INTEGER, "The largest file that it may write; 0 is no limit."),
    maxProcesses: integer(1024, 0, 1_000_000, "Processes of its user at once; 0 is no limit. Root is not bound by it."),
    replyLines: integer(5, 0, 100, "How many of its last lines are in the reply when it fails."),
  }),
  engine: section({
    binary: text(
      "",
      "The engine's executable, to tell whether a plugin will load; empty looks for bin/kuiperd, bin/kuiper and bin/server.",
    ),
    verify: choice(
      "warn",
      ["off", "warn", "enforce"],
      "enforce refuses plugins that the engine would not load; warn installs them and says so; off does not look.",
    ),
  }),
  versions: section({
    keep: integer(2, 0, 100, "How many earlier versions of a plugin are kept for a rollback."),
  }),
  trust: section({
    require: boolean(false, "true refuses plugins without a signature by a key of etc/trust."),
    maxEd25519Bytes: integer(
      128 * MiB,
      1,
      2048 * MiB - 1, // the most that node's crypto takes at once
      "The largest zip whose Ed25519 signature is checked: that takes twice its size in memory. ECDSA and RSA have no such limit.",
    ),
  }),
  uploads: section({
    folder: nonEmptyText("data/uploads", "Where the files of /config/uploads are."),
    maxBytes: integer(512 * MiB, 1, Number.MAX_SAFE_INTEGER, "The largest file that may be uploaded."),
    maxTotalBytes: integer(
      2048 * MiB,
      1,
      Number.MAX_SAFE_INTEGER,
      "The size of all files of /config/uploads; also of all sent zips whose installs wait or run, further ones are answered 503.",
    ),
    maxFiles: integer(1000, 1, 100_000, "How many files /config/uploads may have."),
    maxConcurrent: integer(4, 1, 256, "Uploads that are received at once; further ones are answered 503."),
    idleTimeoutSeconds: seconds(30, DAY, "The longest silence of a client that sends an upload."),
    timeoutSeconds: seconds(600, DAY, "The time that a client has to send an upload."),
  }),
  jobs: section({
    keep: integer(100, 1, 10_000, "How many ended jobs are remembered."),
    maxWatchers: integer(
      64,
      1,
      10_000,
      "Clients that follow the events of jobs at once; further ones are answered 503.",
    ),
  }),
  prebuild: section({
    version: text("1.0.2", "The engine's version, as it is in the path of a plugin host."),
    os: text("auto", "The system's name in that path, such as debian or alpine; auto detects it."),
    arch: text("auto", "The CPU's name in the zips' names, such as amd64 or arm64; auto detects it."),
    cacheSeconds: Type.Number({ default: 60, minimum: 0, maximum: DAY, description: "How long a listing is kept." }),
    timeoutSeconds: seconds(8, 3600, "The time that a host has to answer."),
    maxPageBytes: integer(4 * MiB, 1024, 1024 * MiB, "The largest index page."),
  }),
  log: section({
    auditFile: text("", "A file for the audit lines, one for each change; empty puts them into the log."),
    format: choice("auto", ["auto", "json", "pretty"], "auto is pretty on a terminal, else json."),
  }),
});

export type Config = DeepReadonly<Static<typeof ConfigSchema>>;

export type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly E[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

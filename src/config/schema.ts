import { FormatRegistry, type Static, type TSchema, Type } from "@sinclair/typebox";
import { isAddressBlock } from "../lib/addresses.ts";

/**
 * Every setting of etc/kuiper.yaml that this server reads, with its default, its bounds and its description. Tests
 * compare the table in docs/settings.md and the shipped file with this schema.
 */

const boolean = (value: boolean, description: string) => Type.Boolean({ default: value, description });

const integer = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description });

const seconds = (value: number, maximum: number, description: string) =>
  Type.Number({ default: value, minimum: 0.05, maximum, description });

const string = (value: string, description: string) => Type.String({ default: value, description });

const nonEmptyString = (value: string, description: string) =>
  Type.String({ default: value, minLength: 1, description });

const list = (description: string) => Type.Array(Type.String(), { default: [], description });

const choice = <T extends string>(value: T, values: readonly T[], description: string) =>
  Type.Unsafe<T>(
    Type.Union(
      values.map((one) => Type.Literal(one)),
      { default: value, description },
    ),
  );

/** One of the words, or a command: its program and arguments. */
const choiceOrCommand = <T extends string>(value: T, values: readonly T[], description: string) =>
  Type.Unsafe<T | string[]>(
    Type.Union(
      [...values.map((one) => Type.Literal(one)), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
      {
        default: value,
        description,
      },
    ),
  );

const ADDRESS_BLOCK = "address-block";
FormatRegistry.Set(ADDRESS_BLOCK, isAddressBlock);

const section = <T extends Record<string, TSchema>>(properties: T) => Type.Object(properties, { default: {} });

const KiB = 1024;
const MiB = 1024 * KiB;
const DAY = 86_400;

export const ConfigSchema = section({
  basic: section({
    debug: boolean(false, "Log more: also every request that only reads."),
    restIp: nonEmptyString("127.0.0.1", "The address to listen on. 0.0.0.0 opens the server to the network."),
    restPort: integer(9081, 0, 65_535, "The port to listen on; 0 takes a free one and logs it."),
    authentication: boolean(
      false,
      "Require a JSON Web Token; the public keys of those who may issue one are in etc/mgmt.",
    ),
    requireTokenExpiry: boolean(true, "false also takes tokens that never expire, without exp, as the engine does."),
    restTls: section({
      certfile: string("", "Certificate (PEM) for HTTPS; a relative path starts at the base folder."),
      keyfile: string("", "Private key (PEM) for HTTPS."),
    }),
    pluginHosts: string(
      "https://packages.emqx.io",
      "Hosts with prebuilt plugins, separated by commas; of two plugins with the same name, that of the first host counts.",
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
    allowedHosts: list("Host names, besides addresses and localhost, under which browsers may call this server."),
    trustedProxies: Type.Array(
      Type.String({
        format: ADDRESS_BLOCK,
        description: "a list of IP addresses and blocks of them, such as 127.0.0.1 and 10.0.0.0/8",
      }),
      {
        default: [],
        description:
          "Addresses of reverse proxies, such as 127.0.0.1 or 10.0.0.0/8, whose X-Forwarded-Proto and X-Forwarded-Host name the site by which a browser came.",
      },
    ),
    errors: choice(
      "auto",
      ["auto", "text", "json"],
      "The format of errors: auto is JSON for a client whose Accept header names it, or in front of an engine from 1.13 on, and one line of text otherwise.",
    ),
    page: boolean(true, "Serve the page for people at /ui/, and send browsers that open / there."),
    maxBodyBytes: integer(MiB, 1024, 1024 * MiB, "The largest request body."),
    maxBodyBytesInMemory: integer(
      64 * MiB,
      1024,
      Number.MAX_SAFE_INTEGER,
      "The bytes of all request bodies that are in memory at the same time; further ones are answered with 503.",
    ),
    maxBodyValues: integer(
      20_000,
      10,
      100_000_000,
      "The most values of a JSON body: items of lists, fields of objects.",
    ),
    maxBodyDepth: integer(32, 4, 1000, "How many lists and objects of a JSON body may be in each other."),
    headersTimeoutSeconds: seconds(10, DAY, "The time that a client has to send the headers of a request."),
    requestTimeoutSeconds: seconds(30, DAY, "The time that a client has to send a whole request."),
    tlsHandshakeTimeoutSeconds: seconds(10, 3600, "The time that a client has for the TLS handshake."),
    keepAliveTimeoutSeconds: seconds(
      10,
      DAY,
      "How long a connection stays open after a reply without another request.",
    ),
    writeTimeoutSeconds: seconds(
      30,
      DAY,
      "The longest time in which a client takes nothing of a reply that waits for it; then the connection is closed.",
    ),
    maxConnections: integer(
      1024,
      1,
      1_000_000,
      "The most connections at the same time. The longest idle one is closed for a new one; when all are in use, further ones are answered with 503, except GET /ping.",
    ),
    maxConnectionsPerAddress: integer(
      512,
      0,
      1_000_000,
      "The same for the connections from one address, such as that of a proxy; 0 is no limit.",
    ),
  }),
  changes: section({
    maxConcurrent: integer(4, 1, 256, "The most installs and deletes at the same time."),
    maxQueued: integer(256, 0, 100_000, "The most installs and deletes that wait; further ones are answered with 503."),
    maxQueuedBytes: integer(
      16 * MiB,
      2 * MiB, // the largest request takes about half of it
      Number.MAX_SAFE_INTEGER,
      "What the requests that wait may hold in memory, sent zips not counted; further ones are answered with 503.",
    ),
    shutdownTimeoutSeconds: seconds(
      30,
      DAY,
      "The time that running installs have to finish when the server stops; then they are undone.",
    ),
    stopDelaySeconds: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 3600,
      description:
        "How long the server goes on after the reply to a delete with ?restart=1 or ?stop=1, so that the client's next request is not cut off.",
    }),
  }),
  pluginDownload: section({
    maxBytes: integer(512 * MiB, 1, Number.MAX_SAFE_INTEGER, "The largest zip."),
    connectTimeoutSeconds: seconds(10, DAY, "The time to connect to a host."),
    idleTimeoutSeconds: seconds(30, DAY, "The longest time without data from a host."),
    timeoutSeconds: seconds(600, DAY, "The time for a whole download."),
    maxRedirects: integer(10, 0, 100, "How many redirects are followed; only to http and https."),
    ca: string("", "A file with certificates (PEM) of a private authority to trust besides the usual ones."),
    maxRetries: integer(2, 0, 20, "How often an interrupted download is resumed."),
    allowedHosts: list(
      "Hosts from which zips may be downloaded; *.example.com allows its subdomains; empty allows all.",
    ),
    allowedFolders: list("Folders that file: URLs may point into; empty allows every file that the server can read."),
    verifyTls: boolean(true, "false accepts any certificate: anyone on the network path can then replace a plugin."),
  }),
  pluginPackage: section({
    maxEntries: integer(10_000, 1, 1_000_000, "The most entries of a zip, and the most folders that they are in."),
    maxEntryBytes: integer(1024 * MiB, 1, Number.MAX_SAFE_INTEGER, "The largest unpacked size of an entry."),
    maxTotalBytes: integer(2048 * MiB, 1, Number.MAX_SAFE_INTEGER, "The largest unpacked size of a zip."),
    maxRatio: integer(200, 1, 1100, "How many times its compressed size an entry over 1 MiB may have."),
    unpackTimeoutSeconds: seconds(600, DAY, "The time to unpack a zip."),
    maxCheckedJsonBytes: integer(
      4 * MiB,
      0,
      256 * MiB,
      "The largest configuration of a plugin, its .json, that is checked for being JSON; larger ones are put into place unchecked.",
    ),
    maxCheckedYamlBytes: integer(
      256 * KiB,
      0,
      16 * MiB,
      "The same for its .yaml; other requests wait while it is parsed, about a second for a MiB.",
    ),
  }),
  installScript: section({
    enabled: boolean(true, "false refuses every zip that has an install.sh."),
    convertLineEnds: boolean(
      false,
      "true runs an install.sh that was saved with Windows line ends, a byte order mark or as UTF-16, converted; false refuses it.",
    ),
    maxTextBytes: integer(
      256 * KiB,
      4 * KiB,
      64 * MiB,
      "How much of a script is looked at for that, and the largest one that is converted; other requests wait meanwhile, up to a second for a MiB.",
    ),
    maxHelpers: integer(50, 0, 10_000, "How many of the scripts that install.sh starts are looked at for that."),
    timeoutSeconds: seconds(300, DAY, "The time that install.sh and all processes that it starts have."),
    maxOutputBytes: integer(MiB, 1024, 1024 * MiB, "How much of its output is logged."),
    maxCpuSeconds: integer(300, 0, DAY, "CPU time of each of its processes; 0 is no limit."),
    maxMemoryBytes: integer(
      4096 * MiB,
      0,
      Number.MAX_SAFE_INTEGER,
      "Address space of each of its processes; 0 is no limit.",
    ),
    maxFileBytes: integer(2048 * MiB, 0, Number.MAX_SAFE_INTEGER, "The largest file that it may write; 0 is no limit."),
    maxProcesses: integer(
      1024,
      0,
      1_000_000,
      "The most processes of its user at the same time; 0 is no limit. Does not apply to root.",
    ),
    replyLines: integer(5, 0, 100, "How many of its last lines of output are in the reply when it fails."),
  }),
  engine: section({
    binary: string(
      "",
      "The engine's executable, to check whether a plugin will load; empty means bin/kuiperd, bin/kuiper or bin/server.",
    ),
    libraryPath: string(
      "",
      "The LD_LIBRARY_PATH of the engine's process, where plugins' libraries are searched for first; empty means the server's own.",
    ),
    verify: choice(
      "warn",
      ["off", "warn", "enforce"],
      "enforce refuses plugins that the engine would not load; warn installs them with a warning; off does not check.",
    ),
    url: Type.String({
      default: "",
      pattern: "^(https?://[^/?#@]+/?)?$",
      description:
        "The engine's REST address, such as http://127.0.0.1:9082: what is not about plugins is passed on to it; empty means that this server stands alone.",
    }),
    tokenFile: string("", "A file with the token for this server's own questions to the engine, if it asks for one."),
    connectTimeoutSeconds: seconds(5, DAY, "The time to connect to the engine."),
    timeoutSeconds: seconds(10, DAY, "The time that the engine has to answer a question of this server."),
    maxReplyBytes: integer(
      16 * MiB,
      1024,
      1024 * MiB,
      "The largest answer of the engine to a question of this server.",
    ),
    activate: boolean(
      true,
      "Hand a plugin to the engine by its own install call after a first install, so that it is loaded without a restart.",
    ),
    protectUsed: boolean(
      false,
      "true refuses to delete or update a plugin that rules use, unless the request says ?force=1.",
    ),
    restart: choiceOrCommand(
      "none",
      ["none", "stop"],
      "How ?restart=1 restarts the engine: none ends this server with exit code 100 instead; stop asks the engine to end itself (1.12 and later), so that its supervisor starts it again; or a command as a list, such as [systemctl, restart, kuiper].",
    ),
    restartTimeoutSeconds: seconds(60, DAY, "The time for that command, and then for the engine to answer again."),
    settleSeconds: Type.Number({
      default: 10,
      minimum: 0,
      maximum: DAY,
      description:
        "How long the rules run after a restart of the engine before they are compared with those before it.",
    }),
    onFailure: choice(
      "rollback",
      ["rollback", "keep"],
      "What happens to the changes of a restart after which a changed plugin or a rule is worse, or the engine does not come back: rollback undoes them and restarts once more.",
    ),
  }),
  folders: section({
    etc: string("", "The engine's folder of configuration, such as /etc/kuiper; empty means etc in the base folder."),
    plugins: string(
      "",
      "The engine's folder of plugins, such as /var/lib/kuiper/plugins; empty means plugins in the base folder.",
    ),
    data: string("", "The engine's folder of data, such as /var/lib/kuiper/data; empty means data in the base folder."),
  }),
  versions: section({
    keep: integer(2, 0, 100, "How many previous versions of a plugin are kept for a rollback."),
  }),
  trust: section({
    require: boolean(false, "true refuses plugins that are not signed with a key in etc/trust."),
    requireStatement: boolean(
      false,
      "true also refuses plugins without a signed statement of their type and name; it includes trust.require.",
    ),
    maxEd25519Bytes: integer(
      128 * MiB,
      1,
      2048 * MiB - 1, // the most that Node's crypto takes in one call
      "The largest zip whose Ed25519 signature is checked, which takes twice its size in memory; ECDSA and RSA have no limit.",
    ),
    maxStatementBytes: integer(
      64 * KiB,
      KiB,
      16 * MiB,
      "The largest signed statement. In a request it comes in base64, which http.maxBodyBytes bounds, too.",
    ),
  }),
  uploads: section({
    folder: nonEmptyString(
      "data/uploads",
      "The folder of the files of /config/uploads; a relative path starts at the base folder, and data/ at folders.data.",
    ),
    maxBytes: integer(512 * MiB, 1, Number.MAX_SAFE_INTEGER, "The largest file that may be uploaded."),
    maxTotalBytes: integer(
      2048 * MiB,
      1,
      Number.MAX_SAFE_INTEGER,
      "The total size of the files of /config/uploads, and also of the sent zips whose installs wait or run; further ones are answered with 503.",
    ),
    maxFiles: integer(1000, 1, 100_000, "The most files of /config/uploads."),
    maxConcurrent: integer(4, 1, 256, "The most uploads at the same time; further ones are answered with 503."),
    idleTimeoutSeconds: seconds(30, DAY, "The longest time without data from a client that sends an upload."),
    timeoutSeconds: seconds(600, DAY, "The time that a client has to send an upload."),
  }),
  jobs: section({
    keep: integer(100, 1, 10_000, "How many finished jobs are kept, also over a restart."),
    maxWatchers: integer(
      64,
      1,
      10_000,
      "The most clients that follow the events of jobs at the same time; further ones are answered with 503.",
    ),
  }),
  prebuild: section({
    version: string("1.0.2", "The engine's version, a part of the path on a plugin host."),
    os: string("auto", "The system's name in that path, such as debian or alpine; auto detects it."),
    arch: string("auto", "The CPU's name in the names of the zips, such as amd64 or arm64; auto detects it."),
    cacheSeconds: Type.Number({ default: 60, minimum: 0, maximum: DAY, description: "How long a listing is cached." }),
    timeoutSeconds: seconds(8, 3600, "The time that a host has to answer."),
    maxPageBytes: integer(4 * MiB, 1024, 1024 * MiB, "The largest index page of a host."),
  }),
  log: section({
    auditFile: string("", "A file for the audit lines, one per write; empty writes them to the log."),
    format: choice(
      "auto",
      ["auto", "json", "pretty"],
      "The format of the log; auto is pretty on a terminal and json otherwise.",
    ),
    maxBufferBytes: integer(
      MiB,
      64 * 1024,
      1024 * MiB,
      "How much of the log, and of the audit file, is kept while it can't be written; further lines are dropped and counted.",
    ),
  }),
  metrics: section({
    public: boolean(false, "true answers GET /metrics without a token, where basic.authentication asks for one."),
  }),
});

export type Config = DeepReadonly<Static<typeof ConfigSchema>>;

type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly E[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

import { setMaxListeners } from "node:events";
import type { ServerOptions } from "node:https";
import type { FastifyCorsOptions } from "@fastify/cors";
import type { TSchema } from "@sinclair/typebox";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import type { PublicKeys } from "../auth/public-keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Config } from "../config/schema.ts";
import { type ErrorCode, PluginError } from "../domain/errors.ts";
import type { Engine } from "../engine/engine.ts";
import { KEEP_ALIVE_DELAY_MS } from "../engine/engine-client.ts";
import type { EngineRestarts } from "../engine/restart/restarts.ts";
import type { Receiver } from "../incoming/receiver.ts";
import type { Uploads } from "../incoming/uploads.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Activity } from "../metrics/activity.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Audit } from "../plugins/audit.ts";
import type { InstalledPlugins } from "../plugins/installed-plugins.ts";
import type { PluginManager } from "../plugins/plugin-manager.ts";
import { BodyDecoder } from "./body/decode-body.ts";
import { acceptAnyContentType, delayContinue } from "./body/request-body.ts";
import { Connections } from "./connections/connections.ts";
import { auditRefusals } from "./hooks/audit.ts";
import { requireTokens } from "./hooks/authentication.ts";
import { createOriginRule, guardAgainstPages } from "./hooks/browser-guard.ts";
import { answerClientErrors, type ClientErrorHandler, UploadingSockets } from "./hooks/client-error.ts";
import { limitConnections } from "./hooks/connection-limits.ts";
import { createErrorFormat } from "./hooks/error-format.ts";
import { answerErrors, answerUnroutable } from "./hooks/error-reply.ts";
import { logRequests } from "./hooks/request-log.ts";
import { answerUnknownRoutes } from "./hooks/unknown-routes.ts";
import { collectRoutes } from "./openapi/routes.ts";
import { routableUrl } from "./pass-on/ownership.ts";
import { passOn, tellPassedOn } from "./pass-on/pass-on.ts";
import { contractRoutes } from "./routes/contract.ts";
import { engineRoutes } from "./routes/engine.ts";
import { engineRestartRoutes } from "./routes/engine-restart.ts";
import { functionRoutes } from "./routes/functions.ts";
import { inspectRoutes } from "./routes/inspect.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { listRoutes } from "./routes/lists.ts";
import { logRoutes } from "./routes/logs.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { pageRoutes } from "./routes/page.ts";
import { pluginRoutes } from "./routes/plugins.ts";
import { portableRoutes } from "./routes/portables.ts";
import { serverRoutes } from "./routes/server.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { versionRoutes } from "./routes/versions.ts";
import { compileValidator, NO_COMPILERS } from "./validation.ts";

export interface AppOptions {
  readonly config: Pick<Config, "http" | "uploads" | "engine" | "trust" | "basic" | "metrics">;
  readonly log: Logger;
  readonly audit: Audit;
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  /** Undefined where this server stands alone: `engine.url` is empty. */
  readonly engine: Engine | undefined;
  /** Undefined like `engine`. */
  readonly restarts: EngineRestarts | undefined;
  readonly catalog: Catalogue;
  readonly jobs: Jobs;
  readonly receiver: Receiver;
  readonly uploads: Uploads;
  readonly activity: Activity;
  readonly metrics: Metrics;
  /** The keys of the issuers of tokens; undefined asks for no token. */
  readonly keys: PublicKeys | undefined;
  /** Called after the reply to a delete that asks for a restart. */
  readonly restart: () => void;
  /** The server's own version. */
  readonly version: string;
  /** Where the build has put the page. It is read when somebody asks for it. */
  readonly pageFolder: string;
  /** Certificate and key; undefined serves plain HTTP. */
  readonly tls?: Pick<ServerOptions, "cert" | "key"> | undefined;
}

/** The HTTP interface with all its routes. It does not listen yet. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { installed, manager, engine, restarts, catalog, jobs, receiver, uploads, keys, restart, version, audit } =
    options;
  const { metrics } = options;
  const { http, uploads: limits, trust } = options.config;
  const { requireTokenExpiry } = options.config.basic;
  const uploading = new UploadingSockets();
  const connections = new Connections({
    limits: http,
    isTls: options.tls !== undefined,
    isUploading: (stream) => uploading.has(stream),
    log: options.log,
  });
  const errorFormat = createErrorFormat(http.errors, () => engine?.lastVersion);
  const onRefusal = (code: ErrorCode) => options.activity.refused(code);
  const onClientError = answerClientErrors(uploading, connections, errorFormat, onRefusal);
  const app: FastifyInstance = Fastify(serverOptions(options, onClientError));
  // Node applies the limit of a request only once that of its headers has passed.
  app.server.headersTimeout = Math.min(http.headersTimeoutSeconds, http.requestTimeoutSeconds) * 1000;
  app.setValidatorCompiler<TSchema>(compileValidator);

  auditRefusals(app, audit);
  answerErrors(app, errorFormat, onRefusal);
  answerUnknownRoutes(app);
  logRequests(app);
  tellPassedOn(app, engine?.client);
  limitConnections(app, connections);
  delayContinue(app);
  acceptAnyContentType(app, http);
  guardAgainstPages(app, http);
  // Only when configured: it costs each request as much as all our other hooks.
  if (http.allowedOrigins.length > 0)
    await app.register(import("@fastify/cors"), corsOptions(http.allowedOrigins, engine !== undefined));
  // After cors: a listed page may read why it is refused.
  if (keys !== undefined)
    requireTokens(app, keys, { requireExpiry: requireTokenExpiry, asEngine: engine !== undefined });

  const routes = collectRoutes(app);
  const closing = closingOf(app);
  if (engine !== undefined) {
    const { requestTimeoutSeconds } = http;
    passOn(app, { client: engine.client, isTls: options.tls !== undefined, uploading, requestTimeoutSeconds, closing });
  }
  const bodies = new BodyDecoder({ receiver, uploading, http, uploads: limits, closing });
  app.decorateRequest("caller", undefined);
  app.decorateRequest("zip", undefined);
  app.decorateRequest("isFile", false);
  await serverRoutes(app, {
    version,
    hasPage: http.page,
    engine: engine?.client,
    engineSeconds: options.config.engine.connectTimeoutSeconds,
  });
  await pluginRoutes(app, { installed, manager, engine, restarts, jobs, bodies, restart, trust });
  await inspectRoutes(app, { manager, bodies, trust });
  await portableRoutes(app, { manager, bodies, trust, engine, jobs });
  await versionRoutes(app, { installed, manager, engine, restarts, jobs });
  if (restarts !== undefined) await engineRestartRoutes(app, { restarts });
  await functionRoutes(app, { installed, manager, jobs });
  await listRoutes(app, { installed, engine, catalog });
  await engineRoutes(app, { engine });
  await jobRoutes(app, { jobs });
  await logRoutes(app, { jobs, installed });
  await uploadRoutes(app, { uploads, bodies });
  await contractRoutes(app, { routes, version });
  await metricsRoutes(app, { metrics, config: options.config.metrics });
  if (http.page) await pageRoutes(app, { folder: options.pageFolder });
  return app;
}

/** How often Node checks the time limits of requests: with its default of 30 s, shorter limits would mean little. */
const NODE_OPTIONS = { connectionsCheckingInterval: 1000 };

/** A reply of the engine may take any time, so the system asks whether the client that waits for it is still there. */
const LONG_LIVED = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS };

function serverOptions({ config, engine, log, tls }: AppOptions, clientErrorHandler: ClientErrorHandler) {
  const { requestTimeoutSeconds, keepAliveTimeoutSeconds, tlsHandshakeTimeoutSeconds } = config.http;
  const handshakeTimeout = tlsHandshakeTimeoutSeconds * 1000;
  const nodeOptions = engine === undefined ? NODE_OPTIONS : { ...NODE_OPTIONS, ...LONG_LIVED };
  return {
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    schemaController: NO_COMPILERS,
    genReqId: requestIds(),
    requestTimeout: requestTimeoutSeconds * 1000,
    keepAliveTimeout: keepAliveTimeoutSeconds * 1000,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 16_384 },
    ...(engine && { rewriteUrl: ({ url = "" }: { url?: string | undefined }) => routableUrl(url) }),
    // While running installs finish the queue refuses further ones, see ChangeQueue; a closed listener answers nobody.
    return503OnClosing: false,
    frameworkErrors: answerUnroutable,
    clientErrorHandler,
    ...(tls === undefined
      ? { http: nodeOptions }
      : ({ https: { ...tls, ...nodeOptions, handshakeTimeout } } as object)),
  };
}

/**
 * By our own rule for origins, so that it can't differ from that of `guardAgainstPages`.
 *
 * @param isInFront of an engine, which takes PATCH as well
 */
function corsOptions(allowedOrigins: readonly string[], isInFront: boolean): FastifyCorsOptions {
  const isListed = createOriginRule(allowedOrigins);
  return {
    // Without `strictPreflight`, an OPTIONS of other pages is answered like any unknown method.
    origin: (origin, answer) => answer(null, isListed(origin)),
    methods: ["GET", "HEAD", "POST", "PUT", "DELETE", ...(isInFront ? ["PATCH"] : [])],
    exposedHeaders: [
      "Job",
      "Link",
      "Location",
      "Plugin-Activation",
      "Plugin-Compatibility",
      "Plugin-Hosts-Empty",
      "Plugin-Hosts-Failed",
      "Plugin-Used-By",
      "Preference-Applied",
      "Retry-After",
      "X-Request-Id",
    ],
    maxAge: 600,
    strictPreflight: false,
  };
}

/** Fires when the server closes: it does not wait for clients that still send. */
function closingOf(app: FastifyInstance): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // one for each upload
  app.addHook("preClose", async () => {
    controller.abort(new PluginError("SHUTTING_DOWN", "the server is shutting down; try again when it is back"));
  });
  return controller.signal;
}

/** Ids that are unique in the logs of one host: the time of the process's start and a count. */
function requestIds(): () => string {
  const start = Date.now().toString(36);
  let count = 0;
  return () => {
    count += 1;
    return `${start}-${count.toString(36)}`;
  };
}

import { setMaxListeners } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { ServerOptions } from "node:https";
import cors from "@fastify/cors";
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import type { PublicKeys } from "../auth/public-keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import type { Receiver } from "../incoming/receiver.ts";
import type { Uploads } from "../incoming/uploads.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { InstalledPlugins } from "../plugins/installed-plugins.ts";
import type { PluginManager } from "../plugins/plugin-manager.ts";
import { acceptAnyContentType } from "./body/any-content-type.ts";
import { holdContinueBack } from "./body/expect-continue.ts";
import { IncomingBodies } from "./body/incoming-bodies.ts";
import { UploadingSockets } from "./body/uploading-sockets.ts";
import { requireTokens } from "./hooks/authentication.ts";
import { createOriginRule, guardAgainstPages } from "./hooks/browser-guard.ts";
import { answerClientErrors } from "./hooks/client-error.ts";
import { answerErrors, answerUnroutable } from "./hooks/error-reply.ts";
import { logRequests } from "./hooks/request-log.ts";
import { answerUnknownRoutes } from "./hooks/unknown-routes.ts";
import { functionRoutes } from "./routes/functions.ts";
import { catalogueRoutes } from "./routes/installed.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { pluginRoutes } from "./routes/plugins.ts";
import { prebuildRoutes } from "./routes/prebuild.ts";
import { serverRoutes } from "./routes/server.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { versionRoutes } from "./routes/versions.ts";

export interface AppOptions {
  readonly config: Pick<Config, "http" | "uploads">;
  readonly log: Logger;
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly catalog: Catalogue;
  readonly jobs: Jobs;
  readonly receiver: Receiver;
  readonly uploads: Uploads;
  /** The keys of those who may make tokens; undefined lets everybody in. */
  readonly keys: PublicKeys | undefined;
  /** Called after the answer to a delete that asks for a restart. */
  readonly restart: () => void;
  /** The server's own version. */
  readonly version: string;
  /** Certificate and key; undefined serves plain HTTP. */
  readonly tls?: Pick<ServerOptions, "cert" | "key"> | undefined;
}

/** How often the time limits of requests are looked at: with node's 30 s, shorter limits would mean little. */
const SERVER_OPTIONS = { connectionsCheckingInterval: 1000 };

/** The HTTP interface with all its routes. It does not listen yet. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { log, installed, manager, catalog, jobs, receiver, uploads, keys, restart, version, tls } = options;
  const { http: config, uploads: limits } = options.config;
  const uploading = new UploadingSockets();
  const isListed = createOriginRule(config.allowedOrigins);
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    schemaController: { compilersFactory: { buildValidator: neverBuilt, buildSerializer: neverBuilt } },
    genReqId: requestIds(),
    requestTimeout: config.requestTimeoutSeconds * 1000,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 16_384 },
    // Answered by us while running installs finish, see ChangeQueue; a closed listener answers nobody.
    return503OnClosing: false,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerClientErrors((socket) => uploading.has(socket)),
    ...(tls === undefined ? { http: SERVER_OPTIONS } : ({ https: { ...tls, ...SERVER_OPTIONS } } as object)),
  });
  limitConnections(app.server, config);
  app.setValidatorCompiler(TypeBoxValidatorCompiler);

  holdContinueBack(app);
  acceptAnyContentType(app, config.maxBodyBytes);
  const bodies = new IncomingBodies({ receiver, uploading, http: config, uploads: limits, closing: closingOf(app) });
  app.decorateRequest("zip", undefined);
  app.decorateRequest("isFile", false);
  answerErrors(app);
  answerUnknownRoutes(app);
  logRequests(app);
  guardAgainstPages(app, config);
  // Only when configured: it costs each request as much as all our other hooks.
  if (config.allowedOrigins.length > 0) {
    await app.register(cors, {
      // By our own rule, so that it can't differ from the guard's. Others' OPTIONS are answered like any unknown method.
      origin: (origin, answer) => answer(null, isListed(origin)),
      methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
      exposedHeaders: [
        "Location",
        "Plugin-Compatibility",
        "Plugin-Hosts-Failed",
        "Preference-Applied",
        "Retry-After",
        "X-Request-Id",
      ],
      maxAge: 600,
      strictPreflight: false,
    });
  }
  if (keys !== undefined) requireTokens(app, keys); // after cors: a listed page may read why it is refused
  await app.register(serverRoutes, { version });
  await app.register(pluginRoutes, { installed, manager, jobs, bodies, restart });
  await app.register(versionRoutes, { installed, manager, jobs });
  await app.register(functionRoutes, { installed, manager });
  await app.register(catalogueRoutes, { installed });
  await app.register(prebuildRoutes, { catalog });
  await app.register(jobRoutes, { jobs });
  await app.register(uploadRoutes, { uploads, bodies });
  return app;
}

/** Stands where Fastify would load Ajv and fast-json-stringify: TypeBox checks the schemas, and replies have none. */
function neverBuilt(): never {
  throw new Error("schemas are compiled by TypeBox, and replies have none");
}

/** Fires when the server closes, so that nobody waits for those who still send. */
function closingOf(app: FastifyInstance): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // one for each upload
  app.addHook("preClose", async () => {
    controller.abort(new PluginError("SHUTTING_DOWN", "the server is shutting down; try again when it is back"));
  });
  return controller.signal;
}

/** Ids that are unique in the logs of one host: the process's start and a count. */
function requestIds(): () => string {
  const start = Date.now().toString(36);
  let count = 0;
  return () => {
    count += 1;
    return `${start}-${count.toString(36)}`;
  };
}

function limitConnections(server: HttpServer, config: Config["http"]): void {
  // Node holds a request to its limit only once the time of the headers is over.
  server.headersTimeout = Math.min(config.headersTimeoutSeconds, config.requestTimeoutSeconds) * 1000;
  server.maxConnections = config.maxConnections;
}

import type { Server as HttpServer } from "node:http";
import type { ServerOptions } from "node:https";
import cors from "@fastify/cors";
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import type { PublicKeys } from "./auth/public-keys.ts";
import type { Config } from "./config/schema.ts";
import { requireTokens } from "./http/authentication.ts";
import { acceptAnyContentType } from "./http/body.ts";
import { createOriginRule, guardAgainstPages } from "./http/browser-guard.ts";
import { answerClientError } from "./http/client-error.ts";
import { answerErrors, answerUnroutable } from "./http/error-reply.ts";
import { pluginRoutes } from "./http/plugin-routes.ts";
import { prebuildRoutes } from "./http/prebuild-routes.ts";
import { logRequests } from "./http/request-log.ts";
import { serverRoutes } from "./http/server-routes.ts";
import { answerUnknownRoutes } from "./http/unknown-routes.ts";
import type { PluginManager } from "./plugin-manager.ts";
import type { PrebuildCatalog } from "./prebuild/catalog.ts";

export interface AppOptions {
  readonly config: Config["http"];
  readonly log: Logger;
  readonly manager: PluginManager;
  readonly catalog: PrebuildCatalog;
  /** The keys of those who may make tokens; undefined lets everybody in. */
  readonly keys: PublicKeys | undefined;
  /** Called after the answer to a delete that asks for a restart. */
  readonly restart: () => void;
  /** The server's own version. */
  readonly version: string;
  /** Certificate and key; undefined serves plain HTTP. */
  readonly tls?: Pick<ServerOptions, "cert" | "key">;
}

/** How often the time limits of requests are looked at: with node's 30 s, shorter limits would mean little. */
const SERVER_OPTIONS = { connectionsCheckingInterval: 1000 };

/** The HTTP interface with all its routes. It does not listen yet. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, log, manager, catalog, keys, restart, version, tls } = options;
  const isListed = createOriginRule(config.allowedOrigins);
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    schemaController: { compilersFactory: { buildValidator: neverBuilt, buildSerializer: neverBuilt } },
    genReqId: requestIds(),
    bodyLimit: config.maxBodyBytes,
    requestTimeout: config.requestTimeoutSeconds * 1000,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 16_384 },
    // Answered by us while running installs finish, see ChangeQueue; a closed listener answers nobody.
    return503OnClosing: false,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerClientError,
    ...(tls === undefined ? { http: SERVER_OPTIONS } : ({ https: { ...tls, ...SERVER_OPTIONS } } as object)),
  });
  limitConnections(app.server, config);
  app.setValidatorCompiler(TypeBoxValidatorCompiler);

  acceptAnyContentType(app);
  answerErrors(app);
  answerUnknownRoutes(app);
  logRequests(app);
  guardAgainstPages(app, config);
  // Not for nothing: it costs each request as much as all our other hooks.
  if (config.allowedOrigins.length > 0) {
    await app.register(cors, {
      // By our own rule, so that it can't differ from the guard's. Others' OPTIONS are answered like any unknown method.
      origin: (origin, answer) => answer(null, isListed(origin)),
      methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
      exposedHeaders: ["Plugin-Hosts-Failed", "Retry-After", "X-Request-Id"],
      maxAge: 600,
      strictPreflight: false,
    });
  }
  if (keys !== undefined) requireTokens(app, keys); // after cors: a listed page may read why it is refused
  await app.register(serverRoutes, { version });
  await app.register(pluginRoutes, { manager, restart });
  await app.register(prebuildRoutes, { catalog });
  return app;
}

/** Stands where Fastify would load Ajv and fast-json-stringify: TypeBox checks the schemas, and replies have none. */
function neverBuilt(): never {
  throw new Error("schemas are compiled by TypeBox, and replies have none");
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
  server.headersTimeout = config.headersTimeoutSeconds * 1000;
  server.maxConnections = config.maxConnections;
}

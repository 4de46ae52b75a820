import type { Logger } from "pino";

// The application is built with a pino logger, so its requests have one too; Fastify's type leaves out what pino adds.
declare module "fastify" {
  interface FastifyBaseLogger extends Pick<Logger, "isLevelEnabled"> {}
}

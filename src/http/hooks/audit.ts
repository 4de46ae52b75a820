import type { FastifyInstance, FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import type { PackageType } from "../../domain/plugin.ts";
import { shownUri } from "../../domain/plugin-uri.ts";
import { membersOf } from "../../lib/objects.ts";
import { quoted } from "../../lib/text.ts";
import type { Audit, AuditedAction, AuditedSubject, AuditedWrite } from "../../plugins/audit.ts";
import { callerOf } from "./authentication.ts";

declare module "fastify" {
  interface FastifyInstance {
    audit: Audit;
  }
  interface FastifyContextConfig {
    /** For a route that writes, or that makes the server fetch something: its requests have an audit line each. */
    audited?: { readonly action: AuditedAction; readonly about: PackageType | "plugin" | "upload" | "job" | "engine" };
  }
}

/** The paths of an engine are shorter. */
const MAX_REQUEST_LENGTH = 300;

/** To be called before the routes are added. */
export function auditRefusals(app: FastifyInstance, audit: Audit): void {
  app.decorate("audit", audit);
}

/**
 * Records a write that is refused before its work begins: for a token that is missing or wrong, for the page that it
 * came from, for its body. That somebody tried is what an auditor looks for.
 */
export function auditRefusal(request: FastifyRequest, error: PluginError): void {
  const write = auditedWrite(request);
  if (write !== undefined) request.server.audit.recordRefusal(write, error);
}

/**
 * Records a write that was passed on to the engine.
 *
 * @param outcome the status of the engine's reply, or why there is none
 */
export function auditPassedOn(request: FastifyRequest, outcome: number | PluginError): void {
  const write = auditedWrite(request);
  if (write === undefined) return;
  const isRefused = typeof outcome === "number" && outcome >= 400;
  const error = isRefused ? new PluginError("ENGINE_REFUSED", `the engine answered ${outcome}`) : outcome;
  request.server.audit.record(write, typeof error === "number" ? undefined : error);
}

/** Does the work of a route, where that records nothing itself, and records what came of it. */
export function audited<T>(request: FastifyRequest, work: () => Promise<T>): Promise<T> {
  const write = auditedWrite(request);
  return write === undefined ? work() : request.server.audit.around(write, work);
}

/** The request as its audit line tells it, as far as it was read; undefined for a route that is not audited. */
function auditedWrite(request: FastifyRequest): AuditedWrite | undefined {
  if (request.passedOn === "write") {
    const subject = { request: quoted(`${request.method} ${shownUri(request.originalUrl)}`, MAX_REQUEST_LENGTH) };
    return { action: "passOn", subject, caller: callerOf(request) };
  }
  const { audited } = request.routeOptions.config;
  if (audited === undefined) return undefined;
  const { action, about } = audited;
  const { name, id } = request.params as { readonly name?: string; readonly id?: string };
  const body = fieldsOf(request.body);
  const file = body("file");
  const kind = about === "plugin" ? quoted(body("type") ?? "") : about;
  const subject = subjectOf(kind, quoted(name ?? id ?? body("name") ?? ""));
  return { action, subject, ...(file ? { facts: { origin: shownUri(file) } } : {}), caller: callerOf(request) };
}

function subjectOf(about: string, name: string): AuditedSubject {
  if (about === "engine") return { engine: "" };
  if (about === "upload") return { upload: name };
  return about === "job" ? { job: name } : { plugin: { type: about, name } };
}

/** Of a body that may not have been checked, or not even read. */
function fieldsOf(body: unknown): (key: "name" | "file" | "type") => string | undefined {
  const fields = membersOf(body);
  return (key) => {
    const value = fields[key];
    return typeof value === "string" ? value : undefined;
  };
}

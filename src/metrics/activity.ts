import { ERROR_STATUS } from "../domain/errors.ts";
import { Durations } from "./durations.ts";
import { Tally } from "./tally.ts";

/** What is written to and can be held up: the log, and the file of the audit. */
type LineSink = "log" | "audit";

/** A write as the audit tells it. */
interface AuditedWrite {
  readonly action: string;
  /** Of a restart of the engine: its result. */
  readonly facts?: object;
}

/**
 * What has happened since the start of the process, in plain numbers: nothing is loaded for it, and nothing is lost before
 * somebody asks. The parts of the server are told to call this where they report anyway.
 */
export class Activity {
  readonly changes = new Tally<"action" | "result">();
  readonly stages = new Durations("stage");
  readonly restarts = new Tally<"outcome">();
  readonly refusals = new Tally(Object.keys(ERROR_STATUS).map((code) => ({ code })));
  readonly hostFailures = new Tally<"host">();
  /** Whether each host answered when it was last asked. */
  readonly hosts = new Map<string, boolean>();
  readonly droppedLines = new Tally<"to">([{ to: "log" }, { to: "audit" }]);
  downloadedBytes = 0;
  receivedBytes = 0;
  unpackedBytes = 0;
  /** Called after each write. */
  onChange: () => void = () => {};

  /** @param result `done`, or the code of the failure */
  audited({ action, facts }: AuditedWrite, result: string): void {
    const isDone = result === "done";
    this.changes.add({ action, result: isDone ? "success" : result });
    if (action === "restart") this.restarts.add({ outcome: isDone ? outcomeOf(facts) : "failed" });
    this.onChange();
  }

  /**
   * A change or an inspection has ended that went through this stage, or failed in it.
   *
   * @param bytes what it had come to
   */
  stageEnded(stage: string, seconds: number, bytes: number): void {
    this.stages.add(stage, seconds);
    if (stage === "download") this.downloadedBytes += bytes;
    if (stage === "unpack") this.unpackedBytes += bytes;
  }

  /** A client has sent a file. */
  received(bytes: number): void {
    this.receivedBytes += bytes;
  }

  /** A request was answered with an error. */
  refused(code: string): void {
    this.refusals.add({ code });
  }

  /** @param host one of `basic.pluginHosts`, without credentials */
  hostAsked(host: string, isUp: boolean): void {
    this.hosts.set(host, isUp);
    this.hostFailures.add({ host }, isUp ? 0 : 1);
  }

  lineDropped(to: LineSink): void {
    this.droppedLines.add({ to });
  }
}

function outcomeOf(facts: object | undefined): string {
  return facts !== undefined && "outcome" in facts ? String(facts.outcome) : "unknown";
}

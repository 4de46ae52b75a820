import { VERDICTS } from "../domain/compatibility.ts";
import { PLUGIN_TYPES } from "../domain/plugin.ts";
import type { Reading } from "./reading.ts";
import type { Sample } from "./sample.ts";
import { Tally } from "./tally.ts";

/** A figure by the conventions of Prometheus: base units, and `_total` for what only increases. */
export interface Figure {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence, for people who see only this. */
  readonly help: string;
  /** Undefined where the server has no such thing: no engine, or no certificate. */
  readonly samples: (reading: Reading) => readonly Sample[] | undefined;
}

const ENGINE_STATES = ["loaded", "restart-required", "failed", "unknown"];
const STAGE_DURATION = "kuiper_plugins_stage_duration_seconds";

/** Every figure but those of the process, which are prom-client's. docs/metrics.md has a row for each. */
export const FIGURES: readonly Figure[] = [
  {
    name: "kuiper_plugins_build_info",
    type: "gauge",
    help: "1, with the version of this server and of Node.",
    samples: ({ version }) => [{ labels: { version, node: process.version }, value: 1 }],
  },
  {
    name: "kuiper_plugins_installed",
    type: "gauge",
    help: "Installed plugins, by type, by whether the engine will load them, and by whether it has loaded them.",
    samples: installed,
  },
  {
    name: "kuiper_plugins_changes_total",
    type: "counter",
    help: "Writes and inspections that ended, by action, and by success or the code of the failure, as in the audit.",
    samples: ({ activity }) => activity.changes.samples,
  },
  {
    name: STAGE_DURATION,
    type: "histogram",
    help: "How long each stage of a change or an inspection took, also where it failed.",
    samples: ({ activity }) => activity.stages.samples(STAGE_DURATION),
  },
  {
    name: "kuiper_plugins_downloaded_bytes_total",
    type: "counter",
    help: "Bytes of zips that were downloaded to be installed or inspected.",
    samples: ({ activity }) => single(activity.downloadedBytes),
  },
  {
    name: "kuiper_plugins_received_bytes_total",
    type: "counter",
    help: "Bytes of zips and other files that clients sent.",
    samples: ({ activity }) => single(activity.receivedBytes),
  },
  {
    name: "kuiper_plugins_unpacked_bytes_total",
    type: "counter",
    help: "Bytes of files that were unpacked from zips.",
    samples: ({ activity }) => single(activity.unpackedBytes),
  },
  {
    name: "kuiper_plugins_queue_changes",
    type: "gauge",
    help: "Changes and inspections that run or wait for their turn.",
    samples: ({ queue }) => [
      { labels: { state: "running" }, value: queue.running },
      { labels: { state: "waiting" }, value: queue.waiting },
    ],
  },
  {
    name: "kuiper_plugins_queue_held_bytes",
    type: "gauge",
    help: "Bytes of memory that the waiting changes hold.",
    samples: ({ queue }) => single(queue.waitingBytes),
  },
  {
    name: "kuiper_plugins_requests_rejected_total",
    type: "counter",
    help: "Requests that were answered with an error, by its code.",
    samples: ({ activity }) => activity.refusals.samples,
  },
  {
    name: "kuiper_plugins_jobs",
    type: "gauge",
    help: "Jobs in progress, and those that ended and are kept, by state.",
    samples: ({ jobs }) => Object.entries(jobs).map(([state, value]) => ({ labels: { state }, value })),
  },
  {
    name: "kuiper_plugins_connections",
    type: "gauge",
    help: "Open connections of clients.",
    samples: ({ connections }) => single(connections),
  },
  {
    name: "kuiper_plugins_log_lines_dropped_total",
    type: "counter",
    help: "Lines of the log and of the audit file that could not be written.",
    samples: ({ activity }) => activity.droppedLines.samples,
  },
  {
    name: "kuiper_plugins_host_up",
    type: "gauge",
    help: "1 if the plugin host answered when it was last asked, 0 if it failed.",
    samples: ({ activity }) => [...activity.hosts].map(([host, isUp]) => ({ labels: { host }, value: Number(isUp) })),
  },
  {
    name: "kuiper_plugins_host_failures_total",
    type: "counter",
    help: "How often a plugin host failed when it was asked for its plugins.",
    samples: ({ activity }) => activity.hostFailures.samples,
  },
  {
    name: "kuiper_plugins_engine_up",
    type: "gauge",
    help: "1 if the engine answers, else 0.",
    samples: ({ engine }) => engine && single(Number(engine.isUp)),
  },
  {
    name: "kuiper_plugins_engine_pending_changes",
    type: "gauge",
    help: "Changes that wait for a restart of the engine.",
    samples: ({ engine }) => engine && single(engine.pending),
  },
  {
    name: "kuiper_plugins_engine_restarts_total",
    type: "counter",
    help: "Restarts of the engine by this server, by outcome.",
    samples: ({ engine, activity }) => engine && activity.restarts.samples,
  },
  {
    name: "kuiper_plugins_certificate_expiry_timestamp_seconds",
    type: "gauge",
    help: "When the certificate of basic.restTls expires, in seconds since 1970.",
    samples: ({ certificateExpiry }) => (certificateExpiry === undefined ? undefined : single(certificateExpiry)),
  },
];

function single(value: number): readonly Sample[] {
  return [{ value }];
}

/** Every combination is there, also with 0: a plugin that is no longer incompatible leaves a 0 behind, and no gap. */
function installed({ plugins, engine }: Reading): readonly Sample[] {
  const states = engine === undefined ? ["not-asked"] : ENGINE_STATES;
  const counts = new Tally(
    PLUGIN_TYPES.flatMap((type) =>
      VERDICTS.flatMap((verdict) => states.map((state) => ({ type, verdict, engine: state }))),
    ),
  );
  for (const { type, verdict, engine: state } of plugins) counts.add({ type, verdict, engine: state });
  return counts.samples;
}

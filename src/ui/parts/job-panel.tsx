import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { mayWrite } from "../api/access.ts";
import { api, jobId } from "../api/calls.ts";
import { ApiFailure, asFailure } from "../api/failure.ts";
import type { Job, JobResult } from "../api/shapes.ts";
import { formatBytes, formatDuration, formatTime, known, t } from "../i18n/index.ts";
import { jobAddress, pluginAddress } from "../state/addresses.ts";
import { useJob } from "../state/followed-job.ts";
import { JobBadge } from "./badges.tsx";
import { Banner } from "./banner.tsx";
import { Button } from "./button.tsx";
import { Failure } from "./failure.tsx";
import { Log } from "./log.tsx";
import { PrintedLog } from "./printed-log.tsx";
import { Progress } from "./progress.tsx";
import { RestartOutcome } from "./restart-outcome.tsx";

interface JobPanelProps {
  readonly id: string;
  /** Called once, when the job has ended, also if it had before. */
  readonly onEnd?: (job: Job) => void;
  /** Buttons for when there is nothing more to come. */
  readonly atEnd?: ComponentChildren;
}

/** A job as it goes on: stage, bytes, percent, what install.sh prints, a way to cancel it, and how it ended. */
export function JobPanel({ id, onEnd, atEnd }: JobPanelProps) {
  const followed = useJob(id, onEnd);
  const job = followed.job.value;
  const failure = followed.failure.value;
  const actions = atEnd && <div class="panel-actions">{atEnd}</div>;
  if (job === undefined) {
    if (failure === undefined) return <p class="muted">{t("loading")}</p>;
    return (
      <div class="job">
        <Failure failure={failure} />
        {actions}
      </div>
    );
  }
  const { result } = job;
  // What was seen last of a job that can't be asked for is not what it does now.
  const isKnown = failure === undefined;
  const output = followed.output.value;
  return (
    <div class="job">
      <div class="job-head">
        {isKnown && <JobBadge state={job.state} />}
        <strong>{titleOf(job)}</strong>
        {isKnown && result === undefined && <span class="muted job-stage">{stageOf(job)}</span>}
        {isKnown && isCancellable(job) && mayWrite.value && <CancelButton id={id} />}
      </div>
      {isKnown && result === undefined && <Running job={job} />}
      <p class="muted">{timesOf(job)}</p>
      {failure && <Failure failure={failure} />}
      {output !== "" && <Log text={output} label={t("job.output")} />}
      {result !== undefined && <Result job={job} result={result} />}
      {result !== undefined && output === "" && job.log !== undefined && (
        <PrintedLog of={`jobs/${id}`} load={(signal) => api.jobLog(id, signal)} />
      )}
      {result !== undefined && <Links job={job} />}
      {(result !== undefined || !isKnown) && actions}
    </div>
  );
}

/** A restart of the engine can't be taken back once it has begun. */
function isCancellable({ action, stage, result }: Job): boolean {
  return result === undefined && (action !== "restart" || stage === "waiting" || stage === "snapshot");
}

/** `Install random`. */
export function titleOf({ action, plugin }: Job): string {
  return plugin === undefined ? t(`action.${action}`) : `${t(`action.${action}`)} ${plugin.name}`;
}

export function stageOf({ stage, action }: Job): string {
  if (stage === "commit" && action === "delete") return t("stage.remove");
  return known(`stage.${stage}`) ?? stage;
}

/** When it began and, once it has ended, how long it took; its wait for a turn not counted. */
function timesOf({ createdAt, startedAt, endedAt }: Job): string {
  const time = formatTime(startedAt ?? createdAt);
  if (startedAt === undefined || endedAt === undefined) return t("job.since", { time });
  return t("job.took", { time, duration: formatDuration(Date.parse(endedAt) - Date.parse(startedAt)) });
}

function Running({ job }: { readonly job: Job }) {
  const { percent, bytes, totalBytes } = job;
  return (
    <div class="job-progress">
      <Progress percent={percent} label={titleOf(job)} />
      <span class="numeric">{t("job.percent", { percent })}</span>
      {bytes > 0 && (
        <span class="muted numeric">
          {totalBytes === undefined
            ? formatBytes(bytes)
            : t("job.bytes", { done: formatBytes(bytes), total: formatBytes(totalBytes) })}
        </span>
      )}
    </div>
  );
}

function Result({ job, result }: { readonly job: Job; readonly result: JobResult }) {
  if ("error" in result) {
    return <Failure failure={new ApiFailure(result.error, result.status, result.message)} />;
  }
  const { body, headers = {} } = result;
  if (typeof body !== "string") return <RestartOutcome result={body} />;
  const activation = headers["plugin-activation"] ?? "";
  return (
    <Banner tone="good" title={doneOf(job)}>
      {job.action === "delete" && <p>{t("job.waits.delete")}</p>}
      {activation !== "" && <p>{t(activation.startsWith("loaded") ? "job.live" : "job.waits")}</p>}
    </Banner>
  );
}

/** `random is installed.` */
export function doneOf({ action, plugin }: Job): string {
  return t(`jobDone.${action}`, { name: plugin?.name ?? "" });
}

function Links({ job: { plugin, action, state, restart } }: { readonly job: Job }) {
  const isThere = plugin !== undefined && plugin.type !== "portables" && action !== "delete" && state === "done";
  if (!isThere && restart === undefined) return null;
  return (
    <p class="links">
      {isThere && <a href={pluginAddress(plugin)}>{t("job.plugin")}</a>}
      {restart && <a href={jobAddress(jobId(restart))}>{t("job.restart")}</a>}
    </p>
  );
}

function CancelButton({ id }: { readonly id: string }) {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | undefined>(undefined);
  const cancel = async () => {
    setBusy(true);
    await api.cancel(id).catch((error) => {
      const shown = asFailure(error);
      if (shown.code !== "JOB_ENDED") setFailure(shown);
    });
    setBusy(false);
  };
  return (
    <>
      <Button icon="cross" disabled={isBusy} onClick={cancel}>
        {isBusy ? t("job.cancelling") : t("job.cancel")}
      </Button>
      {failure && <Failure failure={failure} />}
    </>
  );
}

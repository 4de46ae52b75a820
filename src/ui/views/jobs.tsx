import { useMemo } from "preact/hooks";
import { api } from "../api/calls.ts";
import type { Job } from "../api/shapes.ts";
import { formatTime, known, language, t } from "../i18n/index.ts";
import { JobBadge } from "../parts/badges.tsx";
import { EmptyState } from "../parts/empty-state.tsx";
import { Failure } from "../parts/failure.tsx";
import { doneOf, stageOf, titleOf } from "../parts/job-panel.tsx";
import { Progress } from "../parts/progress.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { jobAddress } from "../state/addresses.ts";
import { staleness, useResource } from "../state/resource.ts";

const EVERY_SECONDS = 2;

/** Changes in progress, whoever started them, and the last ones that have ended. */
export function JobsView() {
  const { data, failure } = useResource("jobs", api.jobs, { every: EVERY_SECONDS });
  const jobs = data.value;
  const stale = staleness({ data, failure });
  // The heads are in the present language.
  const columns = useMemo(columnsOfJobs, [language.value]);
  return (
    <>
      <div class="view-head">
        <h1>{t("jobs.title")}</h1>
      </div>
      {stale && <Failure failure={stale} />}
      {jobs === undefined && !failure.value && <p class="muted">{t("loading")}</p>}
      {jobs?.length === 0 && (
        <EmptyState icon="clock" title={t("jobs.none")}>
          <p class="muted">{t("jobs.none.hint")}</p>
        </EmptyState>
      )}
      {jobs !== undefined && jobs.length > 0 && (
        <Table label={t("jobs.title")} columns={columns} rows={jobs} keyOf={({ id }) => id} />
      )}
    </>
  );
}

function columnsOfJobs(): readonly Column<Job>[] {
  return [
    {
      id: "what",
      head: t("jobs.what"),
      cell: (job) => <a href={jobAddress(job.id)}>{titleOf(job)}</a>,
    },
    { id: "state", head: t("jobs.state"), cell: ({ state }) => <JobBadge state={state} /> },
    { id: "when", head: t("jobs.when"), cell: ({ createdAt }) => formatTime(createdAt) },
    { id: "result", head: t("jobs.result"), cell: (job) => <Outcome job={job} /> },
  ];
}

function Outcome({ job }: { readonly job: Job }) {
  const { result, percent } = job;
  if (result === undefined) {
    return (
      <div class="job-progress">
        <Progress percent={percent} label={titleOf(job)} />
        <span class="numeric">{t("job.percent", { percent })}</span>
        <span class="muted">{stageOf(job)}</span>
      </div>
    );
  }
  if ("error" in result) return known(`failure.${result.error}`) ?? result.error;
  const { body } = result;
  return typeof body === "string" ? doneOf(job) : t(`restart.${body.outcome}`);
}

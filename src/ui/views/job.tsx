import { t } from "../i18n/index.ts";
import { JobPanel } from "../parts/job-panel.tsx";
import { decodedPart } from "../state/addresses.ts";

/** One job, for the address that the API gives it. */
export function JobView({ id }: { readonly id: string }) {
  return (
    <>
      <p class="crumb">
        <a href="#/jobs">{t("job.back")}</a>
      </p>
      <div class="view-head">
        <h1>{t("job.title")}</h1>
      </div>
      <section class="panel">
        <JobPanel id={decodedPart(id)} />
      </section>
    </>
  );
}

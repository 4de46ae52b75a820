import { useEffect } from "preact/hooks";
import { mayWrite } from "../../api/access.ts";
import { t } from "../../i18n/index.ts";
import { Banner } from "../../parts/banner.tsx";
import { Button } from "../../parts/button.tsx";
import { Progress } from "../../parts/progress.tsx";
import { installStep, leaveInstall, resumeInstall } from "../../state/install.ts";
import { ChooseZip } from "./choose.tsx";
import { InstallJobs } from "./install-jobs.tsx";
import { Review } from "./review.tsx";

/** From a zip to an installed plugin: chosen, inspected, looked at, and then followed as a job. */
export function InstallView() {
  useEffect(() => resumeInstall(), []);
  return (
    <>
      <div class="view-head">
        <h1>{t("install.title")}</h1>
      </div>
      <InstallJobs />
      {mayWrite.value ? <Step /> : <Banner tone="info" title={t("token.readsOnly.title")} />}
    </>
  );
}

function Step() {
  const step = installStep.value;
  if (step.kind === "choose") return <ChooseZip failure={step.failure} about={step.about} />;
  if (step.kind === "review") return <Review {...step} />;
  const label = step.kind === "upload" ? step.label : step.source.label;
  const percent = step.kind === "upload" && step.total > 0 ? Math.floor((100 * step.done) / step.total) : undefined;
  return (
    <section class="panel" aria-busy="true">
      <h2>{label}</h2>
      <p role="status">{t(step.kind === "upload" ? "install.uploading" : "install.inspecting")}</p>
      <div class="job-progress">
        <Progress percent={percent} label={label} />
        {percent !== undefined && <span class="numeric">{t("job.percent", { percent })}</span>}
        <Button icon="cross" onClick={leaveInstall}>
          {t("button.cancel")}
        </Button>
      </div>
    </section>
  );
}

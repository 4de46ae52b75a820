import { useEffect, useRef } from "preact/hooks";
import { mayWrite } from "../../api/access.ts";
import type { PluginId } from "../../api/shapes.ts";
import { t } from "../../i18n/index.ts";
import { Banner } from "../../parts/banner.tsx";
import { Button } from "../../parts/button.tsx";
import { Progress } from "../../parts/progress.tsx";
import { pluginAddress } from "../../state/addresses.ts";
import { installStep, leaveInstall, resumeInstall } from "../../state/install.ts";
import { ChooseZip } from "./choose.tsx";
import { InstallJobs } from "./install-jobs.tsx";
import { Review } from "./review.tsx";

interface InstallViewProps {
  /** The one that shall be updated; without it, the zip says which plugin it is. */
  readonly plugin: PluginId | undefined;
}

/** From a zip to an installed plugin: chosen, inspected, looked at, and then followed as a job. */
export function InstallView({ plugin: asked }: InstallViewProps) {
  useEffect(() => resumeInstall(asked), []);
  useFocusAtBegin();
  return (
    <>
      {asked && (
        <p class="crumb">
          <a href={pluginAddress(asked)}>{asked.name}</a>
        </p>
      )}
      <div class="view-head">
        <h1>{asked ? t("install.title.update", { name: asked.name }) : t("install.title")}</h1>
        {asked && <span class="muted">{t(`type.${asked.type}`)}</span>}
      </div>
      <InstallJobs />
      {mayWrite.value ? <Step plugin={asked} /> : <Banner tone="info" title={t("token.readsOnly.title")} />}
    </>
  );
}

/** Back where a zip is chosen, the form that had the focus is gone: the focus goes to the top, where what has happened is. */
function useFocusAtBegin(): void {
  const { kind } = installStep.value;
  const last = useRef(kind);
  useEffect(() => {
    if (kind === "choose" && last.current !== kind) document.getElementById("content")?.focus();
    last.current = kind;
  }, [kind]);
}

function Step({ plugin }: { readonly plugin: PluginId | undefined }) {
  const step = installStep.value;
  if (step.kind === "choose") return <ChooseZip failure={step.failure} about={step.about} plugin={plugin} />;
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

import { useEffect, useRef } from "preact/hooks";
import type { ApiFailure } from "../../api/failure.ts";
import type { InstallPreview } from "../../api/shapes.ts";
import { t } from "../../i18n/index.ts";
import { SignatureBadge, VerdictBadge } from "../../parts/badges.tsx";
import { Button } from "../../parts/button.tsx";
import { Failure } from "../../parts/failure.tsx";
import { Problems } from "../../parts/problems.tsx";
import { announce } from "../../state/announce.ts";
import { install, installTyped, leaveInstall, type Source } from "../../state/install.ts";
import { PreviewFiles } from "./preview-files.tsx";
import { PreviewScript } from "./preview-script.tsx";
import { ReviewFields } from "./review-fields.tsx";

interface ReviewProps {
  readonly source: Source;
  readonly report: InstallPreview;
  readonly isStale: boolean;
  readonly failure?: ApiFailure;
}

/** What an install would do, before it does: which plugin it is, whether it loads, what it runs and what it replaces. */
export function Review({ source, report, isStale, failure }: ReviewProps) {
  const { shellParas, functions } = installTyped.value;
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    head.current?.focus();
    announce(t("install.inspected", { name: report.name, verdict: t(`verdict.${report.verdict}`) }));
  }, []);
  const { type, name, version, verdict, problems, installed, signature, engineFunctions } = report;
  const start = (event: Event) => {
    event.preventDefault();
    const names = functions.split(/[\s,]+/).filter((one) => one !== "");
    const args = shellParas.split("\n").filter((one) => one !== "");
    void install({ type, name, shellParas: args, functions: type === "functions" ? names : [] });
  };
  return (
    <form class="review" onSubmit={start} aria-busy={isStale}>
      <div class="view-head">
        <h2 ref={head} tabIndex={-1}>
          {name}
        </h2>
        <span class="muted">
          {t(`type.${type}`)} {version || t("version.none")}
        </span>
        <VerdictBadge verdict={verdict} />
        <span class="labelled">
          <span class="muted">{t("signature.is")}</span> <SignatureBadge signature={signature} />
        </span>
      </div>
      <p class="muted wraps">{source.label}</p>
      {installed && <p>{t("install.replaces", { name, version: installed.version || t("version.none") })}</p>}
      <div class="sections">
        <div class="column">
          <section class="panel">
            <h3>{t("plugin.verdict")}</h3>
            {verdict === "compatible" && <p>{t("plugin.verdict.compatible")}</p>}
            <Problems problems={problems} />
            {engineFunctions?.remedy && <p>{engineFunctions.remedy}</p>}
          </section>
          <PreviewScript report={report} />
        </div>
        <div class="column">
          <ReviewFields report={report} isKnown={source.plugin !== undefined} />
          <PreviewFiles files={report.files} />
        </div>
      </div>
      {failure && <Failure failure={failure} />}
      <div class="panel-actions">
        <Button onClick={leaveInstall}>{t("button.cancel")}</Button>
        <Button kind="primary" submits icon="upload" disabled={isStale}>
          {t(installed === null ? "install.install" : "install.update")}
        </Button>
      </div>
    </form>
  );
}

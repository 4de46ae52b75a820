import { api } from "../../api/calls.ts";
import type { Job } from "../../api/shapes.ts";
import { t } from "../../i18n/index.ts";
import { Button } from "../../parts/button.tsx";
import { JobPanel } from "../../parts/job-panel.tsx";
import { useResource } from "../../state/resource.ts";
import { forgetInstall, installEnded, startedInstalls } from "../../state/started-installs.ts";

const EVERY_SECONDS = 2;

/** Installs in progress, whoever started them; those of this browser stay until somebody has seen how they ended. */
export function InstallJobs() {
  const { data } = useResource("install-jobs", api.jobs, { every: EVERY_SECONDS });
  const own = startedInstalls.value;
  const others = (data.value ?? []).filter((job) => isInstalling(job) && !own.some(({ job: id }) => id === job.id));
  return (
    <>
      {own.map(({ job }) => (
        <section key={job} class="panel" aria-label={t("install.own")}>
          <JobPanel
            id={job}
            onEnd={() => void installEnded(job)}
            atEnd={<Button onClick={() => forgetInstall(job)}>{t("install.dismiss")}</Button>}
          />
        </section>
      ))}
      {others.map(({ id }) => (
        <section key={id} class="panel" aria-label={t("install.others")}>
          <p class="muted">{t("install.others")}</p>
          <JobPanel id={id} />
        </section>
      ))}
    </>
  );
}

function isInstalling({ action, result }: Job): boolean {
  return result === undefined && (action === "install" || action === "update");
}

import { t } from "../i18n/index.ts";
import { Button } from "../parts/button.tsx";
import { JobPanel } from "../parts/job-panel.tsx";
import { restartJob } from "../state/engine.ts";

/** The restart that was asked for here: its progress, then what it has led to, until somebody has read that. */
export function RestartPanel({ id, onEnd }: { readonly id: string; readonly onEnd: () => void }) {
  return (
    <section class="panel">
      <JobPanel id={id} onEnd={onEnd} />
      <div class="panel-actions">
        <Button onClick={() => (restartJob.value = undefined)}>{t("restart.dismiss")}</Button>
      </div>
    </section>
  );
}

import { useState } from "preact/hooks";
import { pluginKey } from "../../domain/plugin.ts";
import { mayWrite } from "../api/access.ts";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { EngineReport } from "../api/shapes.ts";
import { t, tn } from "../i18n/index.ts";
import { Banner } from "../parts/banner.tsx";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { Fold } from "../parts/fold.tsx";
import { pluginAddress } from "../state/addresses.ts";
import { askEngine, restartEngine, restartJob } from "../state/engine.ts";
import { refreshAll, useResource } from "../state/resource.ts";
import { RestartPanel } from "./restart-panel.tsx";

const EVERY_SECONDS = 5;

/** What waits for a restart of the engine, with the button for it, and what the last one has led to. */
export function PendingBanner() {
  const { data } = useResource("engine", askEngine, { every: EVERY_SECONDS });
  const [isAsking, setAsking] = useState(false);
  const engine = data.value;
  if (restartJob.value !== undefined) return <RestartPanel id={restartJob.value} onEnd={refreshAll} />;
  if (!engine) return null;
  return (
    <>
      {!engine.reachable && (
        <Banner tone="warn" title={t("engine.away")}>
          <p>{engine.reason}</p>
          <p>{t("engine.away.next")}</p>
        </Banner>
      )}
      {engine.pending.length > 0 && <Pending engine={engine} onRestart={() => setAsking(true)} />}
      {isAsking && <RestartDialog waiting={engine.pending.length} onClose={() => setAsking(false)} />}
    </>
  );
}

interface PendingProps {
  readonly engine: EngineReport;
  readonly onRestart: () => void;
}

function Pending({ engine: { pending, restart }, onRestart }: PendingProps) {
  const canRestart = restart !== "none" && mayWrite.value;
  const button = (
    <Button kind="primary" icon="restart" onClick={onRestart}>
      {t("engine.restart")}
    </Button>
  );
  return (
    <Banner tone="info" title={tn("pending", pending.length)} actions={canRestart && button}>
      {restart === "none" && <p>{t("engine.restart.none")}</p>}
      <Fold summary={t("pending.show")}>
        {() => (
          <ul class="plain-list">
            {pending.map((one) => (
              <li key={pluginKey(one)}>
                {one.change === "delete" ? one.name : <a href={pluginAddress(one)}>{one.name}</a>}{" "}
                <span class="muted">
                  {t("pending.what", { type: t(`type.${one.type}`), change: t(`pending.${one.change}`) })}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Fold>
    </Banner>
  );
}

interface RestartDialogProps {
  /** How many changes wait for it now: somebody else may have restarted the engine meanwhile. */
  readonly waiting: number;
  readonly onClose: () => void;
}

function RestartDialog({ waiting, onClose }: RestartDialogProps) {
  const [failure, setFailure] = useState<ApiFailure | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const restart = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      await restartEngine();
      onClose();
    } catch (error) {
      setFailure(asFailure(error));
    }
    setBusy(false);
  };
  return (
    <Dialog
      title={t("engine.restart.title")}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t("button.cancel")}</Button>
          <Button kind="primary" icon="restart" disabled={isBusy} onClick={restart}>
            {t("engine.restart.confirm")}
          </Button>
        </>
      }
    >
      <p>{t("engine.restart.text")}</p>
      {waiting === 0 && <p>{t("pending.none")}</p>}
      {failure && <Failure failure={failure} />}
    </Dialog>
  );
}

import { useState } from "preact/hooks";
import { mayWrite } from "../api/access.ts";
import { api, change } from "../api/calls.ts";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { PluginDetails, PluginId, VersionRow } from "../api/shapes.ts";
import { formatTime, t } from "../i18n/index.ts";
import { Badge } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { JobPanel } from "../parts/job-panel.tsx";
import { staleness, useResource } from "../state/resource.ts";

interface PluginVersionsProps {
  readonly id: PluginId;
  /** Another version that is installed means another list. */
  readonly installed: PluginDetails;
  readonly onChanged: () => void;
}

/** The installed version and those before it, with the way back to each. */
export function PluginVersions({ id, installed, onChanged }: PluginVersionsProps) {
  const key = `versions/${id.type}/${id.name}/${installed.soFile}/${installed.installedAt}`;
  const { data, failure, refresh } = useResource(key, (signal) => api.versions(id, signal), { every: 0 });
  const [target, setTarget] = useState<VersionRow | undefined>(undefined);
  const [job, setJob] = useState<string | undefined>(undefined);
  const versions = data.value ?? [];
  const stale = staleness({ data, failure });
  const ended = () => {
    refresh();
    onChanged();
  };
  return (
    <section class="panel">
      <h2>{t("plugin.versions")}</h2>
      {stale && <Failure failure={stale} />}
      <ul class="versions">
        {versions.map((version) => (
          <li key={version.id}>
            <div class="version-what">
              <strong>{nameOf(version)}</strong> {version.current && <Current />}
              {version.installedAt && <span class="muted">{formatTime(version.installedAt)}</span>}
              {version.undone && <div>{t("plugin.versions.undone", { reason: version.undone })}</div>}
            </div>
            {!version.current && mayWrite.value && (
              <Button icon="back" onClick={() => setTarget(version)}>
                {t("plugin.rollback", { version: nameOf(version) })}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {versions.length === 1 && <p class="muted">{t("plugin.versions.only")}</p>}
      {job !== undefined && <JobPanel key={job} id={job} onEnd={ended} />}
      {target !== undefined && (
        <RollbackDialog
          id={id}
          from={installed.version}
          target={target}
          onClose={() => setTarget(undefined)}
          onStarted={setJob}
        />
      )}
    </section>
  );
}

function Current() {
  return (
    <Badge tone="good" icon="check">
      {t("plugin.versions.current")}
    </Badge>
  );
}

interface RollbackDialogProps {
  readonly id: PluginId;
  readonly from: string;
  readonly target: VersionRow;
  readonly onClose: () => void;
  readonly onStarted: (job: string) => void;
}

function RollbackDialog({ id, from, target, onClose, onStarted }: RollbackDialogProps) {
  const [failure, setFailure] = useState<ApiFailure | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const to = nameOf(target);
  const roll = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      onStarted(await change.rollback(id, target.id));
      onClose();
    } catch (error) {
      setFailure(asFailure(error));
    }
    setBusy(false);
  };
  const title = t("plugin.rollback", { version: to });
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t("button.cancel")}</Button>
          <Button kind="primary" icon="back" disabled={isBusy} onClick={roll}>
            {title}
          </Button>
        </>
      }
    >
      <p>{t("plugin.rollback.text", { name: id.name, from: from || t("version.none"), to })}</p>
      <p>{t("plugin.rollback.restart")}</p>
      {failure && <Failure failure={failure} />}
    </Dialog>
  );
}

function nameOf({ version }: VersionRow): string {
  return version === "" ? t("version.none") : version;
}

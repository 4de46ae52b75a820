import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { change } from "../api/calls.ts";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { Job, PluginDetails, PluginId } from "../api/shapes.ts";
import { t, tn } from "../i18n/index.ts";
import { Button } from "../parts/button.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { JobPanel } from "../parts/job-panel.tsx";
import { inspectUrl } from "../state/install.ts";

interface DeleteDialogProps {
  readonly id: PluginId;
  readonly plugin: PluginDetails;
  readonly onClose: () => void;
}

/** Asks before a delete: whom it hits, what it leaves behind, and the way back. */
export function DeleteDialog({ id, plugin, onClose }: DeleteDialogProps) {
  const [job, setJob] = useState<string | undefined>(undefined);
  const [ended, setEnded] = useState<Job | undefined>(undefined);
  const [failure, setFailure] = useState<ApiFailure | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const [, navigate] = useLocation();
  const isProtected = isInUse(failure) || isInUse(failureOf(ended));
  const remove = async () => {
    setBusy(true);
    setFailure(undefined);
    setEnded(undefined);
    try {
      setJob(await change.remove(id, isProtected));
    } catch (error) {
      setFailure(asFailure(error));
    }
    setBusy(false);
  };
  const isDone = ended?.state === "done";
  const isGoingOn = isBusy || (job !== undefined && !ended);
  const leave = () => (isDone ? navigate("/") : onClose());
  const reinstall = (url: string) => {
    void inspectUrl(url, id);
    navigate("/install");
  };
  return (
    <Dialog
      title={t("delete.title", { name: id.name })}
      onClose={leave}
      actions={
        <>
          {/* Once it has begun, leaving the dialog does not cancel it: the job has a button for that. */}
          <Button onClick={leave}>{t(isDone ? "delete.toList" : isGoingOn ? "button.close" : "button.cancel")}</Button>
          {isDone && isDownload(plugin.origin) && (
            <Button onClick={() => reinstall(plugin.origin ?? "")}>{t("delete.reinstall")}</Button>
          )}
          {!isDone && (
            <Button kind="danger" icon="trash" disabled={isGoingOn} onClick={remove}>
              {t(isProtected ? "delete.force" : "delete.confirm")}
            </Button>
          )}
        </>
      }
    >
      {job === undefined ? <Consequences plugin={plugin} /> : <JobPanel key={job} id={job} onEnd={setEnded} />}
      {isDone && <WayBack plugin={plugin} />}
      {failure && <Failure failure={failure} />}
    </Dialog>
  );
}

function Consequences({ plugin }: { readonly plugin: PluginDetails }) {
  const rules = plugin.usedBy?.rules ?? [];
  return (
    <>
      {rules.length > 0 && (
        <div>
          <p>
            <strong>{tn("delete.rules", rules.length)}</strong>
          </p>
          <ul class="tags" aria-label={t("plugin.use.rules")}>
            {rules.map((rule) => (
              <li key={rule}>{rule}</li>
            ))}
          </ul>
        </div>
      )}
      {rules.length === 0 && <p>{t(nobodyUses(plugin))}</p>}
      <p>{t("delete.files")}</p>
      <p>{t("delete.script")}</p>
      <WayBack plugin={plugin} />
      {plugin.usedBy !== undefined && <p>{t("delete.back.restart")}</p>}
    </>
  );
}

/** A delete removes the kept versions too, so what comes back comes from where it came from. */
function WayBack({ plugin: { origin } }: { readonly plugin: PluginDetails }) {
  return (
    <>
      <p>{t(isDownload(origin) ? "delete.back.origin" : "delete.back.zip")}</p>
      {origin !== undefined && isDownload(origin) && (
        <p class="mono wraps">
          {origin} <CopyButton text={origin} />
        </p>
      )}
    </>
  );
}

/** Undefined where there is no engine to ask, null where it does not answer. */
function nobodyUses({ usedBy }: PluginDetails) {
  if (usedBy === undefined) return "delete.rules.alone";
  return usedBy === null ? "delete.rules.unknown" : "delete.rules.none";
}

function isDownload(origin: string | undefined): boolean {
  return /^https?:/.test(origin ?? "");
}

function isInUse(failure: Pick<ApiFailure, "code"> | undefined): boolean {
  return failure?.code === "PLUGIN_IN_USE";
}

function failureOf(job: Job | undefined): Pick<ApiFailure, "code"> | undefined {
  const result = job?.result;
  return result !== undefined && "error" in result ? { code: result.error } : undefined;
}

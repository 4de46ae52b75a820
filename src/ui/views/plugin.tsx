import { useState } from "preact/hooks";
import { mayWrite } from "../api/access.ts";
import { api } from "../api/calls.ts";
import type { PluginDetails, PluginId } from "../api/shapes.ts";
import { t } from "../i18n/index.ts";
import { EngineBadge, VerdictBadge } from "../parts/badges.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { Failure } from "../parts/failure.tsx";
import { Problems } from "../parts/problems.tsx";
import { staleness, useResource } from "../state/resource.ts";
import { DeleteDialog } from "./delete-dialog.tsx";
import { PluginAbout } from "./plugin-about.tsx";
import { PluginFiles } from "./plugin-files.tsx";
import { PluginLog } from "./plugin-log.tsx";
import { PluginUse } from "./plugin-use.tsx";
import { PluginVersions } from "./plugin-versions.tsx";

const EVERY_SECONDS = 10;

/** One plugin: whether the engine loads it, what uses it, its versions, files and log. */
export function PluginView({ type, name }: PluginId) {
  const id = { type, name };
  const { data, failure, refresh } = useResource(`plugin/${type}/${name}`, (signal) => api.plugin(id, signal), {
    every: EVERY_SECONDS,
  });
  const plugin = data.value;
  const failed = failure.value;
  const stale = staleness({ data, failure });
  const isGone = failed?.code === "PLUGIN_NOT_FOUND";
  return (
    <>
      <p class="crumb">
        <a href="#/">{t("plugin.back")}</a>
      </p>
      <Head id={id} last={plugin} isGone={isGone} />
      {stale && <Failure failure={stale} />}
      {plugin === undefined && failed === undefined && <p class="muted">{t("loading")}</p>}
      {plugin !== undefined && !isGone && (
        <div class="sections">
          <div class="column">
            <Verdict plugin={plugin} />
            <PluginVersions id={id} installed={plugin} onChanged={refresh} />
            <PluginLog key={plugin.installedAt} id={id} plugin={plugin} />
          </div>
          <div class="column">
            <PluginUse id={id} plugin={plugin} />
            <PluginAbout plugin={plugin} />
            <PluginFiles plugin={plugin} />
          </div>
        </div>
      )}
    </>
  );
}

interface HeadProps {
  readonly id: PluginId;
  /** The plugin as it was last seen. */
  readonly last: PluginDetails | undefined;
  readonly isGone: boolean;
}

function Head({ id, last, isGone }: HeadProps) {
  const [isDeleting, setDeleting] = useState(false);
  const plugin = isGone ? undefined : last;
  return (
    <div class="view-head">
      <h1>{id.name}</h1>
      <span class="muted">
        {t(`type.${id.type}`)} {plugin?.version}
      </span>
      {plugin && <VerdictBadge verdict={plugin.compatibility?.verdict ?? null} />}
      {plugin?.engine && <EngineBadge state={plugin.engine} reason={plugin.engineReason} />}
      {plugin && mayWrite.value && (
        <div class="view-actions">
          <LinkButton to={`/install/${id.type}/${encodeURIComponent(id.name)}`} icon="upload">
            {t("plugin.update")}
          </LinkButton>
          <Button kind="danger" icon="trash" onClick={() => setDeleting(true)}>
            {t("plugin.delete")}
          </Button>
        </div>
      )}
      {/* It tells what a delete has led to, and the way back, when the plugin is gone. */}
      {isDeleting && last && <DeleteDialog id={id} plugin={last} onClose={() => setDeleting(false)} />}
    </div>
  );
}

function Verdict({ plugin: { compatibility, engineReason } }: { readonly plugin: PluginDetails }) {
  return (
    <section class="panel">
      <h2>{t("plugin.verdict")}</h2>
      {compatibility === undefined && <p>{t("plugin.verdict.off")}</p>}
      {compatibility?.verdict === "compatible" && <p>{t("plugin.verdict.compatible")}</p>}
      {compatibility && <Problems problems={compatibility.problems} />}
      {engineReason && <p class="muted">{t("plugin.engine.reason", { reason: engineReason })}</p>}
    </section>
  );
}

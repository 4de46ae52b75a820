import { api } from "../api/calls.ts";
import type { PluginDetails, PluginId } from "../api/shapes.ts";
import { t } from "../i18n/index.ts";
import { Failure } from "../parts/failure.tsx";
import { Fold } from "../parts/fold.tsx";
import { Log } from "../parts/log.tsx";
import { useResource } from "../state/resource.ts";

/** What install.sh printed; asked for when somebody wants to read it. */
export function PluginLog({ id, plugin }: { readonly id: PluginId; readonly plugin: PluginDetails }) {
  return (
    <section class="panel">
      <h2>{t("plugin.log")}</h2>
      {plugin.log === undefined ? (
        <p class="muted">{t("plugin.log.none")}</p>
      ) : (
        <Fold summary={t("plugin.log.show")}>{() => <InstallLog id={id} />}</Fold>
      )}
    </section>
  );
}

function InstallLog({ id }: { readonly id: PluginId }) {
  const { data, failure } = useResource(`log/${id.type}/${id.name}`, (signal) => api.installLog(id, signal), {
    every: 0,
  });
  const failed = failure.value;
  // It does not change any more: who reads it goes on reading.
  if (failed !== undefined && data.value === undefined) return <Failure failure={failed} />;
  if (data.value === undefined) return <p class="muted">{t("loading")}</p>;
  return <Log text={data.value} label={t("plugin.log.show")} />;
}

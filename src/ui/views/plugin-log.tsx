import { api } from "../api/calls.ts";
import type { PluginDetails, PluginId } from "../api/shapes.ts";
import { t } from "../i18n/index.ts";
import { PrintedLog } from "../parts/printed-log.tsx";

/** What install.sh printed; asked for when somebody wants to read it. */
export function PluginLog({ id, plugin }: { readonly id: PluginId; readonly plugin: PluginDetails }) {
  return (
    <section class="panel">
      <h2>{t("plugin.log")}</h2>
      {plugin.log === undefined ? (
        <p class="muted">{t("plugin.log.none")}</p>
      ) : (
        <PrintedLog of={`${id.type}/${id.name}`} load={(signal) => api.installLog(id, signal)} />
      )}
    </section>
  );
}

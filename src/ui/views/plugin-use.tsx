import type { PluginDetails, PluginId } from "../api/shapes.ts";
import { t } from "../i18n/index.ts";

/** Which rules and streams use the plugin, and which functions it has. */
export function PluginUse({ id, plugin }: { readonly id: PluginId; readonly plugin: PluginDetails }) {
  const { usedBy, functions = [], unregistered = [], engineFunctions } = plugin;
  const missing = engineFunctions?.missing ?? [];
  const isInFront = usedBy !== undefined;
  if (!isInFront && id.type !== "functions") return null;
  return (
    <section class="panel">
      {isInFront && <h2>{t("plugin.use")}</h2>}
      {usedBy === null && <p>{t("plugin.use.unknown")}</p>}
      {usedBy && usedBy.rules.length + usedBy.streams.length === 0 && <p>{t("plugin.use.nobody")}</p>}
      {usedBy && <Names title={t("plugin.use.rules")} names={usedBy.rules} />}
      {usedBy && <Names title={t("plugin.use.streams")} names={usedBy.streams} />}
      {id.type === "functions" && (
        <>
          <Names title={t("plugin.functions")} names={functions.length > 0 ? functions : [id.name]} />
          {unregistered.length > 0 && (
            <p>{t("plugin.functions.unregistered", { names: unregistered.join(t("names.between")) })}</p>
          )}
          {missing.length > 0 && (
            <p>
              {t("plugin.functions.missing", { names: missing.join(t("names.between")) })} {engineFunctions?.remedy}
            </p>
          )}
        </>
      )}
    </section>
  );
}

function Names({ title, names }: { readonly title: string; readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="tags">
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
    </>
  );
}

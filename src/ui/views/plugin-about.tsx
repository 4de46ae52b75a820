import type { PluginDetails } from "../api/shapes.ts";
import { formatBytes, formatTime, t } from "../i18n/index.ts";
import { originWords } from "../parts/origin.ts";

/** Where the plugin came from, and who signed it. */
export function PluginAbout({ plugin }: { readonly plugin: PluginDetails }) {
  const { origin, installedAt, sha256, bytes, verified } = plugin;
  const signature = verified?.signature;
  const stated = verified?.statement;
  return (
    <section class="panel">
      <h2>{t("plugin.about")}</h2>
      <dl class="facts">
        <dt>{t("column.origin")}</dt>
        <dd class="mono">{originWords(origin)}</dd>
        {installedAt && (
          <>
            <dt>{t("plugin.installedAt")}</dt>
            <dd>{formatTime(installedAt)}</dd>
          </>
        )}
        {sha256 && (
          <>
            <dt>{t("plugin.zip")}</dt>
            <dd class="mono">
              {bytes !== undefined && `${formatBytes(bytes)}, `}SHA-256 {sha256}
            </dd>
          </>
        )}
        <dt>{t("signature.label")}</dt>
        <dd>
          {signature === undefined
            ? t("plugin.notSigned")
            : t("plugin.signedBy", { key: signature.key, algorithm: signature.algorithm })}
          {stated && (
            <div>{t("plugin.stated", { type: stated.type, name: stated.name, version: stated.version ?? "" })}</div>
          )}
        </dd>
      </dl>
    </section>
  );
}

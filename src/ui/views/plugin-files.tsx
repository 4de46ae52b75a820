import { useMemo } from "preact/hooks";
import type { InstalledFile, PluginDetails } from "../api/shapes.ts";
import { formatBytes, language, t } from "../i18n/index.ts";
import { type Column, Table } from "../parts/table.tsx";

/** What the plugin has on the disk. */
export function PluginFiles({ plugin: { files, unplaced = [] } }: { readonly plugin: PluginDetails }) {
  // The heads are in the present language.
  const columns = useMemo(columnsOfFiles, [language.value]);
  return (
    <section class="panel">
      <h2>{t("plugin.files")}</h2>
      <Table label={t("plugin.files")} columns={columns} rows={files} keyOf={({ path }) => path} />
      {unplaced.map((message) => (
        <p key={message}>{message}</p>
      ))}
    </section>
  );
}

function columnsOfFiles(): readonly Column<InstalledFile>[] {
  return [
    {
      id: "path",
      head: t("plugin.files.path"),
      cell: ({ path, defaultOf }) => (
        <>
          <span class="mono">{path}</span>
          {defaultOf && <div class="muted">{t("plugin.files.defaultOf", { path: defaultOf })}</div>}
        </>
      ),
    },
    {
      id: "size",
      head: t("plugin.files.size"),
      isNumeric: true,
      cell: ({ bytes }) => (bytes === undefined ? "" : formatBytes(bytes)),
    },
    {
      id: "sha256",
      head: t("plugin.files.sha256"),
      cell: ({ sha256 = "" }) => (
        <span class="mono muted" title={sha256}>
          {sha256.slice(0, 12)}
        </span>
      ),
    },
  ];
}

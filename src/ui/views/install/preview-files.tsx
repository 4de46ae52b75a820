import { useMemo } from "preact/hooks";
import type { InstallPreview } from "../../api/shapes.ts";
import { formatBytes, language, t, tn } from "../../i18n/index.ts";
import { Badge } from "../../parts/badge.tsx";
import { Fold } from "../../parts/fold.tsx";
import { type Column, Table } from "../../parts/table.tsx";

type PlannedFile = InstallPreview["files"][number];

/** More are folded. */
const MAX_SHOWN = 10;

export function PreviewFiles({ files }: Pick<InstallPreview, "files">) {
  // The heads are in the present language.
  const columns = useMemo(columnsOfFiles, [language.value]);
  const table = () => <Table label={t("plugin.files")} columns={columns} rows={files} keyOf={({ path }) => path} />;
  return (
    <section class="panel">
      <h3>{t("plugin.files")}</h3>
      {files.length <= MAX_SHOWN ? table() : <Fold summary={tn("install.files", files.length)}>{table}</Fold>}
    </section>
  );
}

function columnsOfFiles(): readonly Column<PlannedFile>[] {
  return [
    {
      id: "path",
      head: t("plugin.files.path"),
      cell: ({ path, replaces }) => (
        <span class="wraps">
          <span class="mono">{path}</span>{" "}
          {replaces && (
            <Badge tone="warn" icon="alert">
              {t("install.files.replaces")}
            </Badge>
          )}
        </span>
      ),
    },
    { id: "size", head: t("plugin.files.size"), isNumeric: true, cell: ({ bytes }) => formatBytes(bytes) },
  ];
}

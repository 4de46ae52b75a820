import type { PluginRow } from "../api/shapes.ts";
import { t, tn } from "../i18n/index.ts";
import { EngineBadge, SignatureBadge, VerdictBadge } from "../parts/badges.tsx";
import { originWords } from "../parts/origin.ts";
import type { Column } from "../parts/table.tsx";
import { pluginAddress } from "../state/addresses.ts";

/** The columns of the list. What only an engine can tell has none where there is no engine. */
export function columnsFor(isInFront: boolean): readonly Column<PluginRow>[] {
  const always: readonly Column<PluginRow>[] = [
    { id: "name", head: t("column.name"), sortBy: ({ name }) => name, cell: Name },
    { id: "type", head: t("type.label"), sortBy: ({ type }) => type, cell: ({ type }) => t(`type.${type}`) },
    { id: "version", head: t("column.version"), sortBy: ({ version }) => version, cell: Version },
    {
      id: "verdict",
      head: t("verdict.label"),
      sortBy: ({ verdict }) => verdict ?? "",
      cell: ({ verdict, reason }) => <VerdictBadge verdict={verdict} reason={reason} />,
    },
    {
      id: "signature",
      head: t("signature.label"),
      sortBy: ({ signature }) => signature?.by ?? signature?.state ?? "",
      cell: ({ signature }) => <SignatureBadge signature={signature ?? { state: "not-asked" }} />,
    },
  ];
  const inFront: readonly Column<PluginRow>[] = [
    {
      id: "engine",
      head: t("state.label"),
      sortBy: ({ engine }) => engine ?? "",
      cell: ({ engine, engineReason }) => <EngineBadge state={engine ?? "unknown"} reason={engineReason} />,
    },
    { id: "rules", head: t("column.rules"), sortBy: ({ rules }) => rules ?? -1, cell: Rules },
  ];
  const origin: Column<PluginRow> = {
    id: "origin",
    head: t("column.origin"),
    sortBy: ({ origin }) => origin ?? "",
    cell: Origin,
  };
  return isInFront ? [...always, ...inFront, origin] : [...always, origin];
}

function Name(plugin: PluginRow) {
  return <a href={pluginAddress(plugin)}>{plugin.name}</a>;
}

function Version({ version }: PluginRow) {
  return version === "" ? <span class="muted">{t("version.none")}</span> : version;
}

function Rules({ rules }: PluginRow) {
  if (typeof rules !== "number") return <span class="muted">{t("rules.unknown")}</span>;
  return rules === 0 ? <span class="muted">{tn("rules", rules)}</span> : tn("rules", rules);
}

function Origin({ origin }: PluginRow) {
  if (origin === null) return <span class="muted">{t("origin.none")}</span>;
  const words = originWords(origin);
  return (
    <span class="origin" title={words}>
      {words}
    </span>
  );
}

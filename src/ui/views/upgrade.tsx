import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { pluginKey } from "../../domain/plugin.ts";
import { api } from "../api/calls.ts";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { PluginRow } from "../api/shapes.ts";
import { language, t, tn } from "../i18n/index.ts";
import { VerdictBadge } from "../parts/badges.tsx";
import { Banner } from "../parts/banner.tsx";
import { Button } from "../parts/button.tsx";
import { EmptyState } from "../parts/empty-state.tsx";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { pluginAddress } from "../state/addresses.ts";
import { announce } from "../state/announce.ts";

type State =
  | { readonly kind: "asked" }
  | { readonly kind: "failed"; readonly engine: string; readonly failure: ApiFailure }
  | { readonly kind: "done"; readonly engine: string; readonly rows: readonly UpgradeRow[] };

/** A plugin with its verdict for the present engine and for the other one. */
interface UpgradeRow {
  readonly plugin: PluginRow;
  readonly now: PluginRow["verdict"];
}

/** Before an upgrade: what another engine binary would not load. */
export function UpgradeView() {
  const [path, setPath] = useState("");
  const [state, setState] = useState<State | undefined>(undefined);
  const asking = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => asking.current?.abort(), []);
  const check = async (event: Event) => {
    event.preventDefault();
    asking.current?.abort();
    asking.current = new AbortController();
    const { signal } = asking.current;
    const engine = path.trim();
    setState({ kind: "asked" });
    try {
      const [now, then] = await Promise.all([api.plugins(signal), api.upgrade(engine, signal)]);
      const verdicts = new Map(now.map((plugin) => [pluginKey(plugin), plugin.verdict]));
      const rows = then.map((plugin) => ({ plugin, now: verdicts.get(pluginKey(plugin)) ?? null }));
      setState({ kind: "done", engine, rows });
      announce(summaryOf(rows));
    } catch (error) {
      if (!signal.aborted) setState({ kind: "failed", engine, failure: asFailure(error) });
    }
  };
  return (
    <>
      <div class="view-head">
        <h1>{t("upgrade.title")}</h1>
      </div>
      <p>{t("upgrade.text")}</p>
      <form class="upgrade-form" onSubmit={check}>
        <Field label={t("upgrade.path")} hint={t("upgrade.path.hint")}>
          {(id, hintId) => (
            <input
              id={id}
              class="input mono"
              aria-describedby={hintId}
              spellcheck={false}
              value={path}
              onInput={({ currentTarget }) => setPath(currentTarget.value)}
            />
          )}
        </Field>
        <Button kind="primary" submits icon="search" disabled={path.trim() === "" || state?.kind === "asked"}>
          {t("upgrade.check")}
        </Button>
      </form>
      {state?.kind === "asked" && <p role="status">{t("upgrade.checking")}</p>}
      {/* In the field, another path may have been typed meanwhile. */}
      {state && state.kind !== "asked" && <p class="muted mono wraps">{state.engine}</p>}
      {state?.kind === "failed" && <Failure failure={state.failure} />}
      {state?.kind === "done" && <Answer rows={state.rows} />}
    </>
  );
}

const breaks = ({ plugin }: UpgradeRow) => plugin.verdict === "incompatible";
const isUnsure = ({ plugin }: UpgradeRow) => plugin.verdict !== "incompatible" && plugin.verdict !== "compatible";

function summaryOf(rows: readonly UpgradeRow[]): string {
  const broken = rows.filter(breaks).length;
  const unsure = rows.filter(isUnsure).length;
  const all = rows.length;
  if (broken === 0 && unsure === 0) return t("upgrade.fine", { all });
  const first = tn("upgrade.breaks", broken, { all });
  return unsure === 0 ? first : t("upgrade.both", { breaks: first, unsure: tn("upgrade.unsure", unsure) });
}

function Answer({ rows }: { readonly rows: readonly UpgradeRow[] }) {
  // The heads are in the present language.
  const columns = useMemo(columnsOfUpgrade, [language.value]);
  if (rows.length === 0) return <EmptyState icon="plug" title={t("upgrade.none")} />;
  const named = [...rows.filter(breaks), ...rows.filter(isUnsure)];
  const tone = rows.some(breaks) ? "bad" : named.length > 0 ? "warn" : "good";
  return (
    <>
      <Banner tone={tone} title={summaryOf(rows)}>
        {named.length > 0 && <p>{t("upgrade.same")}</p>}
      </Banner>
      {named.length > 0 && (
        <Table label={t("upgrade.title")} columns={columns} rows={named} keyOf={({ plugin }) => pluginKey(plugin)} />
      )}
    </>
  );
}

function columnsOfUpgrade(): readonly Column<UpgradeRow>[] {
  return [
    {
      id: "name",
      head: t("column.name"),
      sortBy: ({ plugin }) => plugin.name,
      cell: ({ plugin }) => (
        <>
          <a href={pluginAddress(plugin)}>{plugin.name}</a>
          <div class="muted">
            {t(`type.${plugin.type}`)} {plugin.version}
          </div>
        </>
      ),
    },
    { id: "now", head: t("upgrade.now"), cell: ({ now }) => <VerdictBadge verdict={now} /> },
    { id: "then", head: t("upgrade.then"), cell: ({ plugin }) => <VerdictBadge verdict={plugin.verdict} /> },
    { id: "reason", head: t("upgrade.reason"), cell: ({ plugin }) => plugin.reason ?? "" },
  ];
}

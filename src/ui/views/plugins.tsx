import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { VERDICTS } from "../../domain/compatibility.ts";
import { PLUGIN_TYPES, pluginKey } from "../../domain/plugin.ts";
import { mayWrite } from "../api/access.ts";
import { api } from "../api/calls.ts";
import { language, t, tn } from "../i18n/index.ts";
import { Button, LinkButton } from "../parts/button.tsx";
import { EmptyState } from "../parts/empty-state.tsx";
import { Failure } from "../parts/failure.tsx";
import { type Sorting, Table } from "../parts/table.tsx";
import { staleness, useResource } from "../state/resource.ts";
import { columnsFor } from "./plugins-columns.tsx";
import { ALL, filtered, type PluginFilter } from "./plugins-filter.ts";

const EVERY_SECONDS = 5;

/** Kept while another view is open: who comes back from a plugin finds the list as it was. */
const filter = signal<PluginFilter>(ALL);
const sorting = signal<Sorting>(undefined);
let scrolledTo = 0;

/** The one list of all plugins. */
export function PluginsView() {
  const { data, failure } = useResource("plugins", api.plugins, { every: EVERY_SECONDS });
  const all = data.value;
  const stale = staleness({ data, failure });
  const wanted = filter.value;
  const shown = useMemo(() => filtered(all ?? [], wanted), [all, wanted]);
  useLayoutEffect(() => (all === undefined ? undefined : keepScrolling()), [all === undefined]);
  const isInFront = all?.some(({ engine }) => engine !== undefined) ?? false;
  // The heads are in the present language.
  const columns = useMemo(() => columnsFor(isInFront), [isInFront, language.value]);
  return (
    <>
      <div class="view-head">
        <h1>{t("plugins.title")}</h1>
        {all && <Count all={all.length} shown={shown.length} />}
        {mayWrite.value && (
          <LinkButton to="/install" icon="upload">
            {t("nav.install")}
          </LinkButton>
        )}
      </div>
      {stale && <Failure failure={stale} />}
      {all === undefined && !failure.value && <p class="muted">{t("loading")}</p>}
      {all !== undefined && all.length === 0 && (
        <EmptyState icon="plug" title={t("plugins.none")}>
          {mayWrite.value && <p class="muted">{t("plugins.none.hint")}</p>}
        </EmptyState>
      )}
      {all !== undefined && all.length > 0 && (
        <>
          <Filters />
          {shown.length > 0 ? (
            <Table label={t("plugins.title")} columns={columns} rows={shown} keyOf={pluginKey} kept={sorting} />
          ) : (
            <EmptyState icon="search" title={t("plugins.noMatch")}>
              <Button onClick={() => (filter.value = ALL)}>{t("plugins.clear")}</Button>
            </EmptyState>
          )}
        </>
      )}
    </>
  );
}

function Count({ all, shown }: { readonly all: number; readonly shown: number }) {
  return (
    <span class="muted" role="status">
      {shown === all ? tn("plugins.count", all) : t("plugins.shown", { shown, all })}
    </span>
  );
}

function Filters() {
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => focusOnSlash(() => search.current?.focus()), []);
  const { text, type, verdict } = filter.value;
  const set = (change: Partial<PluginFilter>) => {
    filter.value = { ...filter.value, ...change };
  };
  return (
    <search class="filters">
      <input
        ref={search}
        class="input search"
        type="search"
        aria-label={t("plugins.search")}
        aria-keyshortcuts="/"
        placeholder={`${t("plugins.search")}  ( / )`}
        value={text}
        onInput={({ currentTarget }) => set({ text: currentTarget.value })}
      />
      <select
        class="select"
        aria-label={t("type.label")}
        value={type}
        onChange={({ currentTarget }) => set({ type: currentTarget.value as PluginFilter["type"] })}
      >
        <option value="">{t("type.all")}</option>
        {PLUGIN_TYPES.map((one) => (
          <option key={one} value={one}>
            {t(`type.${one}`)}
          </option>
        ))}
      </select>
      <select
        class="select"
        aria-label={t("verdict.label")}
        value={verdict}
        onChange={({ currentTarget }) => set({ verdict: currentTarget.value as PluginFilter["verdict"] })}
      >
        <option value="">{t("verdict.all")}</option>
        {VERDICTS.map((one) => (
          <option key={one} value={one}>
            {t(`verdict.${one}`)}
          </option>
        ))}
      </select>
    </search>
  );
}

/** Goes to where the list was left, and remembers where it is left next. */
function keepScrolling(): () => void {
  scrollTo(0, scrolledTo);
  const onScroll = () => {
    scrolledTo = scrollY;
  };
  document.addEventListener("scroll", onScroll, { passive: true });
  return () => document.removeEventListener("scroll", onScroll);
}

/** `/` begins a search, except where somebody types. */
function focusOnSlash(focus: () => void): () => void {
  const onKey = (event: KeyboardEvent) => {
    const { target } = event;
    const isTyping = target instanceof HTMLElement && target.matches("input, select, textarea, dialog *");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    focus();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

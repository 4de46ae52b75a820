import { useMemo } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { PLUGIN_TYPES, pluginKey } from "../../domain/plugin.ts";
import { mayWrite } from "../api/access.ts";
import { api } from "../api/calls.ts";
import type { Offer, Offers } from "../api/shapes.ts";
import { language, t } from "../i18n/index.ts";
import { Badge } from "../parts/badge.tsx";
import { Banner } from "../parts/banner.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { EmptyState } from "../parts/empty-state.tsx";
import { Failure } from "../parts/failure.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { pluginAddress } from "../state/addresses.ts";
import { inspectUrl } from "../state/install.ts";
import { useResource } from "../state/resource.ts";

/** What the plugin hosts offer, beside what is installed. The hosts are asked once, not again and again. */
export function CatalogueView() {
  const { data, failure, refresh } = useResource("catalogue", offersOfAll, { every: 0 });
  const [, navigate] = useLocation();
  const offers = data.value;
  const choose = ({ type, name, url }: Offer) => {
    void inspectUrl(url, { type, name });
    navigate("/install");
  };
  // The heads are in the present language.
  const columns = useMemo(() => columnsOfOffers(choose, mayWrite.value), [language.value, mayWrite.value]);
  return (
    <>
      <div class="view-head">
        <h1>{t("catalogue.title")}</h1>
        <Button icon="restart" onClick={refresh}>
          {t("catalogue.again")}
        </Button>
      </div>
      {failure.value && <Failure failure={failure.value} />}
      {offers === undefined && !failure.value && <p role="status">{t("catalogue.loading")}</p>}
      {offers && <FailedHosts offers={offers} />}
      {offers?.plugins.length === 0 && offers.failed.length === 0 && (
        <EmptyState icon="search" title={t("catalogue.none")}>
          <p class="muted">{t("catalogue.none.hint")}</p>
        </EmptyState>
      )}
      {offers && offers.plugins.length > 0 && (
        <Table label={t("catalogue.title")} columns={columns} rows={offers.plugins} keyOf={pluginKey} />
      )}
    </>
  );
}

async function offersOfAll(signal: AbortSignal): Promise<Offers> {
  const lists = await Promise.all(PLUGIN_TYPES.map((type) => api.offers(type, signal)));
  // A host that is down fails for each type, with the same words or the path of the type in them.
  const failed = new Map(lists.flatMap((list) => list.failed).map((one) => [one.host, one]));
  return { plugins: lists.flatMap((list) => list.plugins), failed: [...failed.values()] };
}

/** Offline is said in words, with what does not need a network. */
function FailedHosts({ offers: { plugins, failed } }: { readonly offers: Offers }) {
  if (failed.length === 0) return null;
  const isAlone = plugins.length === 0;
  return (
    <Banner
      tone={isAlone ? "bad" : "warn"}
      title={t(isAlone ? "catalogue.offline" : "catalogue.failed")}
      actions={isAlone && <LinkButton to="/install">{t("catalogue.byHand")}</LinkButton>}
    >
      <ul class="plain-list">
        {failed.map(({ host, reason }) => (
          <li key={host} class="wraps">
            <strong>{host}</strong>: {reason}
          </li>
        ))}
      </ul>
    </Banner>
  );
}

function columnsOfOffers(choose: (offer: Offer) => void, isChoosing: boolean): readonly Column<Offer>[] {
  return [
    { id: "name", head: t("column.name"), sortBy: ({ name }) => name, cell: ({ name }) => name },
    { id: "type", head: t("type.label"), sortBy: ({ type }) => type, cell: ({ type }) => t(`type.${type}`) },
    { id: "version", head: t("catalogue.version"), cell: ({ version }) => version ?? t("rules.unknown") },
    { id: "installed", head: t("catalogue.installed"), cell: (offer) => <Installed offer={offer} /> },
    { id: "host", head: t("catalogue.host"), sortBy: ({ host }) => host, cell: ({ host }) => host },
    ...(isChoosing ? [{ id: "action", head: t("catalogue.action"), cell: actionFor(choose) }] : []),
  ];
}

const actionFor = (choose: (offer: Offer) => void) => (offer: Offer) => {
  const text = t(offer.installed === null ? "catalogue.install" : "catalogue.update");
  // Who says the words that are seen must reach the button by them: the name comes after.
  return (
    <Button onClick={() => choose(offer)} label={`${text} ${offer.name}`}>
      {text}
    </Button>
  );
};

function Installed({ offer }: { readonly offer: Offer }) {
  const { installed, newer } = offer;
  if (installed === null) return <span class="muted">{t("catalogue.notInstalled")}</span>;
  return (
    <>
      <a href={pluginAddress(offer)}>{installed || t("version.none")}</a>{" "}
      {newer && (
        <Badge tone="info" icon="upload">
          {t("catalogue.newer")}
        </Badge>
      )}
    </>
  );
}

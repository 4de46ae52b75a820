import { Route, Router, Switch } from "wouter-preact";
import { useHashLocation } from "wouter-preact/use-hash-location";
import { pluginKey } from "../domain/plugin.ts";
import { t } from "./i18n/index.ts";
import { EmptyState } from "./parts/empty-state.tsx";
import { LiveRegion } from "./parts/live-region.tsx";
import { Arrival } from "./shell/arrival.ts";
import { AwayBanner } from "./shell/away-banner.tsx";
import { DropZone } from "./shell/drop-zone.tsx";
import { Header } from "./shell/header.tsx";
import { PendingBanner } from "./shell/pending-banner.tsx";
import { TokenDialog } from "./shell/token-dialog.tsx";
import { pluginAt } from "./state/addresses.ts";
import { CatalogueView } from "./views/catalogue.tsx";
import { InstallView } from "./views/install/install.tsx";
import { JobView } from "./views/job.tsx";
import { JobsView } from "./views/jobs.tsx";
import { PluginView } from "./views/plugin.tsx";
import { PluginsView } from "./views/plugins.tsx";
import { UpgradeView } from "./views/upgrade.tsx";

/** What is around the views, and which view is for which address. Addresses are hashes: the server has one document. */
export function App() {
  return (
    <Router hook={useHashLocation}>
      <button type="button" class="button skip" onClick={() => document.getElementById("content")?.focus()}>
        {t("app.skip")}
      </button>
      <Header />
      <main id="content" tabIndex={-1}>
        <AwayBanner />
        <PendingBanner />
        <Switch>
          <Route path="/" component={PluginsView} />
          <Route path="/plugins/:type/:name">
            {(params) => {
              const id = pluginAt(params);
              return id ? <PluginView key={pluginKey(id)} {...id} /> : <UnknownPage />;
            }}
          </Route>
          <Route path="/install">
            <InstallView plugin={undefined} />
          </Route>
          <Route path="/install/:type/:name">
            {(params) => {
              const id = pluginAt(params);
              return id ? <InstallView key={pluginKey(id)} plugin={id} /> : <UnknownPage />;
            }}
          </Route>
          <Route path="/catalogue" component={CatalogueView} />
          <Route path="/upgrade" component={UpgradeView} />
          <Route path="/jobs" component={JobsView} />
          <Route path="/jobs/:id">{({ id }) => <JobView key={id} id={id} />}</Route>
          <Route component={UnknownPage} />
        </Switch>
      </main>
      <Arrival />
      <DropZone />
      <TokenDialog />
      <LiveRegion />
    </Router>
  );
}

function UnknownPage() {
  return (
    <EmptyState icon="question" title={t("page.unknown")}>
      <a href="#/">{t("page.toPlugins")}</a>
    </EmptyState>
  );
}

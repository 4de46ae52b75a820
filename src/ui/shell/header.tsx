import { useLocation } from "wouter-preact";
import { mayWrite, setToken, token } from "../api/access.ts";
import { LANGUAGES, type Language, language, setLanguage, t } from "../i18n/index.ts";
import { Badge } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";

const SECTIONS = [
  ["/", "nav.plugins"],
  ["/install", "nav.install"],
  ["/catalogue", "nav.catalogue"],
  ["/upgrade", "nav.upgrade"],
  ["/jobs", "nav.jobs"],
] as const;

export function Header() {
  const [location] = useLocation();
  const here = location.startsWith("/plugins/") ? "/" : `/${location.split("/")[1] ?? ""}`;
  return (
    <header class="header">
      <div class="header-row">
        <a class="brand" href="#/">
          <Icon name="plug" />
          {t("app.title")}
        </a>
        <div class="header-end">
          {!mayWrite.value && (
            <Badge tone="info" icon="info" title={t("token.readsOnly.title")}>
              {t("token.readsOnly")}
            </Badge>
          )}
          {token.value !== "" && (
            <Button kind="quiet" onClick={() => setToken("")}>
              {t("token.forget")}
            </Button>
          )}
          <LanguageSwitch />
        </div>
      </div>
      <nav class="nav" aria-label={t("nav.label")}>
        {SECTIONS.filter(([path]) => path !== "/install" || mayWrite.value).map(([path, key]) => (
          <a key={path} href={`#${path}`} aria-current={path === here ? "page" : undefined}>
            {t(key)}
          </a>
        ))}
      </nav>
    </header>
  );
}

function LanguageSwitch() {
  return (
    <select
      class="select small"
      aria-label={t("app.language")}
      value={language.value}
      onChange={({ currentTarget }) => setLanguage(currentTarget.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([tag, name]) => (
        <option key={tag} value={tag} lang={tag}>
          {name}
        </option>
      ))}
    </select>
  );
}

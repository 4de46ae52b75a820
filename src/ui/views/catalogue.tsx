import { t } from "../i18n/index.ts";

export function CatalogueView() {
  return <h1>{t("catalogue.title")}</h1>;
}

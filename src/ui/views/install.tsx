import { t } from "../i18n/index.ts";

export function InstallView() {
  return <h1>{t("install.title")}</h1>;
}

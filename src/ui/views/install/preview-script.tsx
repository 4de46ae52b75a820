import type { InstallPreview } from "../../api/shapes.ts";
import { t } from "../../i18n/index.ts";
import { Fold } from "../../parts/fold.tsx";
import { Log } from "../../parts/log.tsx";

/** install.sh runs with the rights of the server: who installs it should have had the chance to read it. */
export function PreviewScript({ report: { script, scriptText } }: { readonly report: InstallPreview }) {
  return (
    <section class="panel">
      <h3>{t("install.script")}</h3>
      <p>{t(script ? "install.script.runs" : "install.script.none")}</p>
      {scriptText !== undefined && (
        <Fold summary={t("install.script.read")}>{() => <Log text={scriptText} label={t("install.script")} />}</Fold>
      )}
    </section>
  );
}

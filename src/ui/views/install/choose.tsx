import type { ApiFailure } from "../../api/failure.ts";
import type { PluginId } from "../../api/shapes.ts";
import { t } from "../../i18n/index.ts";
import { Button, LinkButton } from "../../parts/button.tsx";
import { Failure } from "../../parts/failure.tsx";
import { Field } from "../../parts/field.tsx";
import { Icon } from "../../parts/icon.tsx";
import { inspectFile, inspectUrl, installTyped } from "../../state/install.ts";

interface ChooseZipProps {
  /** Why the last one was not taken. */
  readonly failure: ApiFailure | undefined;
  /** What that was. */
  readonly about: string | undefined;
  /** What shall be updated, where that is known. */
  readonly plugin: PluginId | undefined;
}

/** The ways to a zip: a file, which can be dropped anywhere, an address, or the catalogue. */
export function ChooseZip({ failure, about, plugin }: ChooseZipProps) {
  const { address } = installTyped.value;
  const ask = (event: Event) => {
    event.preventDefault();
    void inspectUrl(address.trim(), plugin);
  };
  return (
    <>
      {failure && (
        <section class="not-taken" aria-label={about}>
          <p class="muted wraps">{about}</p>
          <Failure failure={failure} />
        </section>
      )}
      <p>{t("install.text")}</p>
      <div class="sections">
        <section class="panel">
          <h2>{t("install.file")}</h2>
          <label class="drop-field">
            <Icon name="upload" />
            <span>{t("install.file.drop")}</span>
            <input
              class="visually-hidden"
              type="file"
              accept=".zip,application/zip"
              aria-label={t("install.file")}
              onChange={({ currentTarget }) => {
                const [file] = currentTarget.files ?? [];
                currentTarget.value = ""; // so that the same file can be chosen again
                if (file !== undefined) void inspectFile(file, plugin);
              }}
            />
          </label>
        </section>
        <section class="panel">
          <h2>{t("install.url")}</h2>
          <form class="upgrade-form" onSubmit={ask}>
            <Field label={t("install.url.label")} hint={t("install.url.hint")}>
              {(id, hintId) => (
                <input
                  id={id}
                  class="input mono"
                  aria-describedby={hintId}
                  spellcheck={false}
                  value={address}
                  onInput={({ currentTarget }) => {
                    installTyped.value = { ...installTyped.value, address: currentTarget.value };
                  }}
                />
              )}
            </Field>
            <Button kind="primary" submits icon="search" disabled={address.trim() === ""}>
              {t("install.inspect")}
            </Button>
          </form>
          <h2>{t("catalogue.title")}</h2>
          <p>{t("install.catalogue")}</p>
          <div class="panel-actions">
            <LinkButton to="/catalogue">{t("install.catalogue.open")}</LinkButton>
          </div>
        </section>
      </div>
    </>
  );
}

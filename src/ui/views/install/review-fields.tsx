import { useState } from "preact/hooks";
import { PLUGIN_TYPES } from "../../../domain/plugin.ts";
import type { InstallPreview, PluginId, PluginType } from "../../api/shapes.ts";
import { t } from "../../i18n/index.ts";
import { Field } from "../../parts/field.tsx";
import { inspectAgain, installTyped } from "../../state/install.ts";

interface ReviewFieldsProps {
  readonly report: InstallPreview;
  /** Whether it was known before which plugin this is: then it is no question. */
  readonly isKnown: boolean;
}

/** What was found out and can be corrected, and what only the user knows. */
export function ReviewFields({ report, isKnown }: ReviewFieldsProps) {
  const { type, name, script, unregistered = [] } = report;
  const { shellParas, functions } = installTyped.value;
  const set = (change: Partial<typeof installTyped.value>) => {
    installTyped.value = { ...installTyped.value, ...change };
  };
  if (isKnown && type !== "functions" && !script) return null;
  return (
    <section class="panel">
      <h3>{t(isKnown ? "install.options" : "install.as")}</h3>
      {!isKnown && <Identity type={type} name={name} />}
      {type === "functions" && (
        <Field
          label={t("install.functions")}
          hint={t("install.functions.hint", { names: unregistered.join(t("names.between")) || t("none") })}
        >
          {(id, hintId) => (
            <input
              id={id}
              class="input mono"
              aria-describedby={hintId}
              spellcheck={false}
              value={functions}
              onInput={({ currentTarget }) => set({ functions: currentTarget.value })}
            />
          )}
        </Field>
      )}
      {script && (
        <Field label={t("install.arguments")} hint={t("install.arguments.hint")}>
          {(id, hintId) => (
            <textarea
              id={id}
              class="input mono"
              rows={3}
              aria-describedby={hintId}
              spellcheck={false}
              value={shellParas}
              onInput={({ currentTarget }) => set({ shellParas: currentTarget.value })}
            />
          )}
        </Field>
      )}
    </section>
  );
}

/** Found out from the zip; another answer has it inspected again. */
function Identity({ type, name }: PluginId) {
  // A report that comes while a name is being typed leaves that as it is.
  const [typed, setTyped] = useState(name);
  return (
    <>
      <Field label={t("column.name")}>
        {(id) => (
          <input
            id={id}
            class="input"
            value={typed}
            spellcheck={false}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
            onChange={({ currentTarget }) => void inspectAgain({ type, name: currentTarget.value })}
          />
        )}
      </Field>
      <Field label={t("type.label")} hint={t("install.type.hint")}>
        {(id, hintId) => (
          <select
            id={id}
            class="select"
            aria-describedby={hintId}
            value={type}
            onChange={({ currentTarget }) => void inspectAgain({ type: currentTarget.value as PluginType, name })}
          >
            {PLUGIN_TYPES.map((one) => (
              <option key={one} value={one}>
                {t(`type.${one}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
    </>
  );
}

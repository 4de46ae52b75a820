import { pluginKey } from "../../domain/plugin.ts";
import type { RestartResult, UndoneChange } from "../api/shapes.ts";
import { t } from "../i18n/index.ts";
import { Banner } from "./banner.tsx";
import { Fold } from "./fold.tsx";
import { Log } from "./log.tsx";

const TONES = { healthy: "good", degraded: "bad", "rolled-back": "warn", unreachable: "bad" } as const;

/** What a restart of the engine has led to: rules before and after, what is worse, what was undone. */
export function RestartOutcome({ result }: { readonly result: RestartResult }) {
  const { outcome, worse, undone, notUndone = [], rules, reason, output = [] } = result;
  return (
    <Banner tone={TONES[outcome]} title={t(`restart.${outcome}`)}>
      {reason && <p>{reason}</p>}
      <p>{t("restart.rules", { before: rules.before, after: rules.after ?? t("rules.unknown") })}</p>
      {worse.length > 0 && (
        <>
          <h3>{t("restart.worse")}</h3>
          <ul class="plain-list">
            {worse.map(({ kind, id, reason: why }) => (
              <li key={`${kind}/${id}`}>
                <strong>{t(`restart.worse.${kind}`, { id })}</strong> {why}
              </li>
            ))}
          </ul>
        </>
      )}
      <Changes title={t("restart.undone")} changes={undone} />
      <Changes title={t("restart.notUndone")} changes={notUndone} />
      {output.length > 0 && (
        <Fold summary={t("restart.output")}>{() => <Log text={output.join("\n")} label={t("restart.output")} />}</Fold>
      )}
    </Banner>
  );
}

interface ChangesProps {
  readonly title: string;
  readonly changes: readonly (UndoneChange & { readonly reason?: string })[];
}

function Changes({ title, changes }: ChangesProps) {
  if (changes.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="plain-list">
        {changes.map((change) => (
          <li key={pluginKey(change)}>
            {sentenceOf(change)} {change.reason}
          </li>
        ))}
      </ul>
    </>
  );
}

function sentenceOf({ name, from, to }: UndoneChange): string {
  if (from === null) return t("restart.undone.install", { name, to: to ?? "" });
  if (to === null) return t("restart.undone.delete", { name, from });
  return t("restart.undone.update", { name, from, to });
}

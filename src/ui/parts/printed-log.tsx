import { t } from "../i18n/index.ts";
import { useResource } from "../state/resource.ts";
import { Failure } from "./failure.tsx";
import { Fold } from "./fold.tsx";
import { Log } from "./log.tsx";

interface PrintedLogProps {
  /** What of: another key is another log. */
  readonly of: string;
  readonly load: (signal: AbortSignal) => Promise<string>;
}

/** What an install.sh that has ended printed; asked for when somebody wants to read it. */
export function PrintedLog(props: PrintedLogProps) {
  return <Fold summary={t("plugin.log.show")}>{() => <Content {...props} />}</Fold>;
}

function Content({ of, load }: PrintedLogProps) {
  const { data, failure } = useResource(`log/${of}`, load, { every: 0 });
  const failed = failure.value;
  // It does not change any more: who reads it goes on reading.
  if (failed !== undefined && data.value === undefined) return <Failure failure={failed} />;
  if (data.value === undefined) return <p class="muted">{t("loading")}</p>;
  return <Log text={data.value} label={t("plugin.log.show")} />;
}

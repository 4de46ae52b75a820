import { useEffect, useRef } from "preact/hooks";
import { isReachable } from "../api/connection.ts";
import { t } from "../i18n/index.ts";
import { Banner } from "../parts/banner.tsx";
import { announce } from "../state/announce.ts";

/** While the server does not answer. The views go on asking, so it goes by itself. */
export function AwayBanner() {
  const wasAway = useRef(false);
  const isAway = !isReachable.value;
  useEffect(() => {
    if (wasAway.current && !isAway) announce(t("away.back"));
    wasAway.current = isAway;
  }, [isAway]);
  if (!isAway) return null;
  return (
    <Banner tone="bad" title={t("away.title")}>
      <p>{t("away.text")}</p>
    </Banner>
  );
}

import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { language, t } from "../i18n/index.ts";

/** What a browser does when another document comes: its title, its top, and the focus, which screen readers follow. */
export function Arrival(): null {
  const [location] = useLocation();
  const last = useRef(location);
  const tag = language.value;
  useEffect(() => {
    document.documentElement.lang = tag === "zh" ? "zh-CN" : "en";
    const view = document.querySelector("h1")?.textContent;
    document.title = view ? `${view} · ${t("app.title")}` : t("app.title");
    if (last.current === location) return;
    last.current = location;
    scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [location, tag]);
  return null;
}

import { useEffect, useState } from "preact/hooks";
import { useLocation, useRoute } from "wouter-preact";
import { mayWrite } from "../api/access.ts";
import { t } from "../i18n/index.ts";
import { Icon } from "../parts/icon.tsx";
import { pluginAt } from "../state/addresses.ts";
import { inspectFile } from "../state/install.ts";

/** Takes a zip that is dropped anywhere on the page. Without it a browser would leave the page and show the file. */
export function DropZone() {
  const [isOver, setOver] = useState(false);
  const [, navigate] = useLocation();
  const [, update] = useRoute("/install/:type/:name");
  const { type, name } = update ?? {};
  useEffect(() => {
    const listening = new AbortController();
    const on = (name: "dragover" | "dragleave" | "drop", listener: (event: DragEvent) => void) =>
      document.addEventListener(name, listener, { signal: listening.signal });
    on("dragover", (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      setOver(mayWrite.peek());
    });
    on("dragleave", (event) => event.relatedTarget === null && setOver(false));
    on("drop", (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      setOver(false);
      const [file] = event.dataTransfer?.files ?? [];
      if (file === undefined || !mayWrite.peek()) return;
      const asked = pluginAt({ type, name });
      void inspectFile(file, asked);
      if (asked === undefined) navigate("/install");
    });
    return () => listening.abort();
  }, [type, name]);
  if (!isOver) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      <Icon name="upload" />
      <p>{t("install.drop")}</p>
    </div>
  );
}

function hasFile({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") ?? false;
}

import { useState } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { announce } from "../state/announce.ts";
import { Button } from "./button.tsx";

export function CopyButton({ text }: { readonly text: string }) {
  const [last, setCopied] = useState<string | undefined>(undefined);
  const isCopied = last === text; // another failure may have come into the same place
  const onClick = async () => {
    if (!(await copied(text))) return;
    setCopied(text);
    announce(t("button.copied"));
  };
  return (
    <Button kind="quiet" icon={isCopied ? "check" : "copy"} onClick={onClick}>
      {isCopied ? t("button.copied") : t("button.copy")}
    </Button>
  );
}

/** Without TLS a browser has no clipboard interface, and gateways seldom have TLS: then by a selection. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    // In a modal dialog, everything outside of it takes no focus.
    const place = document.querySelector("dialog[open]") ?? document.body;
    place.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

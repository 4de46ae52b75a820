import { useState } from "preact/hooks";
import { setToken, tokenWanted } from "../api/access.ts";
import { t } from "../i18n/index.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { refreshAll } from "../state/resource.ts";

/** Asks for a token once the server has refused a request for want of one. It can't be closed: nothing works without. */
export function TokenDialog() {
  const reason = tokenWanted.value;
  return reason === undefined ? null : <Asked reason={reason} />;
}

function Asked({ reason }: { readonly reason: string }) {
  const [text, setText] = useState("");
  const use = (event: Event) => {
    event.preventDefault();
    setToken(text);
    refreshAll();
  };
  return (
    <Dialog
      title={t("token.title")}
      actions={
        <Button kind="primary" submits form="token-form" disabled={text.trim() === ""}>
          {t("token.use")}
        </Button>
      }
    >
      <p>{t("token.text")}</p>
      <form id="token-form" onSubmit={use}>
        <Field label={t("token.label")} hint={t("token.server", { message: reason })}>
          {(id, hintId) => (
            <input
              id={id}
              class="input mono"
              // Not "password": browsers would offer to keep it.
              type="text"
              autocomplete="off"
              spellcheck={false}
              aria-describedby={hintId}
              value={text}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}

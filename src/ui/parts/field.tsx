import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  /** Below the field. */
  readonly hint?: string;
  /** Gets the ids for the input's `id` and `aria-describedby`. */
  readonly children: (id: string, hintId: string | undefined) => ComponentChildren;
}

/** A label, an input, and what there is to say about it. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hintId)}
      {hint && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** Its buttons; the way out comes first. */
  readonly actions: ComponentChildren;
  /** Called for Esc; undefined keeps it open. */
  readonly onClose?: (() => void) | undefined;
}

/** The browser's own modal dialog: it keeps the focus, and gives it back to where it was. */
export function Dialog({ title, children, actions, onClose }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  const onCancel = (event: Event) => {
    event.preventDefault();
    onClose?.();
  };
  // At a second Esc with nothing in between, browsers close it without asking.
  const onNativeClose = () => ref.current && (onClose ? onClose() : ref.current.showModal());
  return (
    <dialog ref={ref} class="dialog" aria-labelledby={id} onCancel={onCancel} onClose={onNativeClose}>
      <h2 id={id}>{title}</h2>
      <div class="dialog-body">{children}</div>
      <div class="dialog-actions">{actions}</div>
    </dialog>
  );
}

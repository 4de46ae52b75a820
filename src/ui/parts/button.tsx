import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick?: () => void;
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  readonly icon?: IconName;
  readonly disabled?: boolean;
  /** Sends the form that it is in, or that `form` names. */
  readonly submits?: boolean;
  readonly form?: string;
  /** For screen readers, where the text alone does not say what it is about. */
  readonly label?: string;
}

export function Button({
  children,
  onClick,
  kind = "plain",
  icon,
  disabled = false,
  submits,
  form,
  label,
}: ButtonProps) {
  return (
    <button
      class={`button ${kind}`}
      type={submits ? "submit" : "button"}
      form={form}
      disabled={disabled}
      aria-label={label}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface LinkButtonProps {
  /** A route of the page, such as `/install`. */
  readonly to: string;
  readonly children: ComponentChildren;
  readonly kind?: "plain" | "primary" | "quiet";
  readonly icon?: IconName;
}

/** Looks like a button and is a link: it can be opened in another tab. */
export function LinkButton({ to, children, kind = "plain", icon }: LinkButtonProps) {
  return (
    <a class={`button ${kind}`} href={`#${to}`}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

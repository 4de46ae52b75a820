import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

type Tone = "info" | "warn" | "bad" | "good";

const ICONS: Readonly<Record<Tone, IconName>> = { info: "info", warn: "alert", bad: "alert", good: "check" };

interface BannerProps {
  readonly tone: Tone;
  readonly title: string;
  readonly children?: ComponentChildren;
  /** Buttons at its end. */
  readonly actions?: ComponentChildren;
}

/** Says something that stays true until it goes; screen readers hear it when it comes. */
export function Banner({ tone, title, children, actions }: BannerProps) {
  return (
    <section class={`banner ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={ICONS[tone]} />
      <div class="banner-text">
        <strong>{title}</strong>
        {children}
      </div>
      {actions && <div class="banner-actions">{actions}</div>}
    </section>
  );
}

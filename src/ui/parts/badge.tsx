import { Icon, type IconName } from "./icon.tsx";

export type Tone = "good" | "bad" | "warn" | "info" | "quiet";

interface BadgeProps {
  readonly tone: Tone;
  readonly icon: IconName;
  /** The word: a colour or an icon alone says nothing to many people. */
  readonly children: string;
  /** More, for those who point at it; must be said elsewhere as well. */
  readonly title?: string | undefined;
}

export function Badge({ tone, icon, children, title }: BadgeProps) {
  return (
    <span class={`badge ${tone}`} title={title}>
      <Icon name={icon} />
      {children}
    </span>
  );
}

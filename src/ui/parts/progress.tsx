interface ProgressProps {
  /** 0 to 100; undefined where it is not known. */
  readonly percent?: number | undefined;
  /** What it is of, for screen readers. */
  readonly label: string;
}

export function Progress({ percent, label }: ProgressProps) {
  return <progress class="progress" max={100} value={percent} aria-label={label} />;
}

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface FoldProps {
  readonly summary: ComponentChildren;
  /** Made when it is opened first, so that long lists cost nothing before. */
  readonly children: () => ComponentChildren;
}

export function Fold({ summary, children }: FoldProps) {
  const [wasOpened, setOpened] = useState(false);
  return (
    <details class="fold" onToggle={({ currentTarget }) => currentTarget.open && setOpened(true)}>
      <summary>{summary}</summary>
      {wasOpened && <div class="fold-body">{children()}</div>}
    </details>
  );
}

/** What a program printed. It scrolls by itself, so the keyboard has to reach it. */
export function Log({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    // biome-ignore lint/a11y/useSemanticElements: a section would lose the text's lines
    <pre class="log" role="region" tabIndex={0} aria-label={label}>
      {text}
    </pre>
  );
}

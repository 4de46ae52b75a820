import type { Page } from "playwright-core";

/** What has the focus, as people call it: its label, or its text. */
const FOCUSED = `(({ ariaLabel, labels, textContent }) => ariaLabel ?? labels?.[0]?.textContent ?? textContent)(document.activeElement)`;

/** Presses Tab until something of that name has the focus. @throws Error where `most` times do not lead there */
export async function tabTo(page: Page, name: string, most = 60): Promise<void> {
  const passed: string[] = [];
  for (let step = 0; step < most; step += 1) {
    await page.keyboard.press("Tab");
    const focused = (await page.evaluate<string>(FOCUSED)).trim();
    if (focused === name) return;
    passed.push(focused.slice(0, 40));
  }
  throw new Error(`Tab does not lead to ${name}, but to ${[...new Set(passed)].join(" | ")}`);
}

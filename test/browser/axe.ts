import axe from "axe-core";
import type { Page } from "playwright-core";

/** What axe-core finds on the page as it is now, of what keeps somebody from using it: one line for each element. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source); // by the debugger, so the page's policy for scripts stays as it is
  const results = await page.evaluate<axe.AxeResults>("axe.run(document, { resultTypes: ['violations'] })");
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target, html }) => `${id}: ${target.join(" ")} ${html.slice(0, 200)}`));
}

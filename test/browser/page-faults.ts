import type { Page, Response } from "playwright-core";
import { noteReply } from "../support/client-replies.ts";

/** Watches a page for what no test may bring about: errors in the console or the page, and requests to other hosts. */
export class PageFaults {
  readonly #page: Page;
  readonly #faults: string[] = [];

  /** @param expected lines of the console that the test brings about */
  constructor(page: Page, origin: string, expected: readonly RegExp[]) {
    this.#page = page;
    page.on("pageerror", (error) => this.#faults.push(`page error: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      const line = `${message.type()}: ${message.text()} (${message.location().url})`;
      const isBad = message.type() === "error" || message.type() === "warning";
      if (isBad && !expected.some((one) => one.test(line))) this.#faults.push(line);
    });
    page.on("request", (request) => {
      const url = request.url();
      const isOurs = url.startsWith(`${origin}/`) || /^(?:data|blob|about):/.test(url);
      if (!isOurs) this.#faults.push(`request to ${url}`);
    });
    page.on("response", (response) => void note(response).catch(() => {}));
  }

  /** Closes the page. Where that fails, it is a fault as well. */
  async close(): Promise<void> {
    const context = this.#page.context();
    await context.close().catch((error) => this.#faults.push(`it could not be closed: ${error}`));
  }

  /** @throws Error with all faults */
  check(): void {
    if (this.#faults.length > 0) throw new Error(`the page had faults:\n${this.#faults.join("\n")}`);
  }
}

/** For the contract. It fails where the page was left or closed meanwhile. */
async function note(response: Response): Promise<void> {
  const [text, headers] = await Promise.all([response.text(), response.allHeaders()]);
  noteReply({ method: response.request().method(), url: response.url(), status: response.status(), headers, text });
}

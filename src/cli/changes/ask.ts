import type { Output } from "../output/output.ts";
import { clipped, safeLines } from "../output/output.ts";

/** Asks on the terminal. undefined: a Ctrl-C, or the signal came before the answer. */
export async function ask(
  output: Output,
  message: string,
  { initialValue, signal }: { readonly initialValue: boolean; readonly signal?: AbortSignal },
): Promise<boolean | undefined> {
  if (!output.isInteractive) throw new Error("there is nobody to ask");
  const { confirm, isCancel } = await import("@clack/prompts");
  const answer = await confirm({
    message: safeLines(clipped(message)),
    initialValue,
    output: process.stderr,
    withGuide: false,
    ...(signal === undefined ? {} : { signal }),
  });
  return isCancel(answer) ? undefined : answer;
}

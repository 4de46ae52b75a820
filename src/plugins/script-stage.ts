import type { Config } from "../config/schema.ts";
import { KEPT_OUTPUT_BYTES } from "../domain/change.ts";
import { PluginError } from "../domain/errors.ts";
import { KeptBytes } from "../lib/kept-bytes.ts";
import { terminalText } from "../lib/terminal-text.ts";
import { enumerate, printable } from "../lib/text.ts";
import type { ScriptRunner } from "../package/script/install-script.ts";
import { StagedFiles } from "../package/script/staged-files.ts";
import type { Trust } from "../package/trust/trust.ts";
import type { UnpackedFile } from "../package/unpack.ts";
import type { ChangeFacts, ChangeRun } from "./change-run.ts";

interface ScriptStageParts {
  readonly scripts: ScriptRunner;
  readonly limits: Config["pluginPackage"];
  readonly trust: Pick<Trust, "required">;
}

/** The package's unpacked files, and what is known of it. */
interface Unpacked {
  readonly files: readonly UnpackedFile[];
  readonly facts: ChangeFacts;
}

interface AfterScript extends Unpacked {
  /** What install.sh printed, at most `KEPT_OUTPUT_BYTES`; empty for nothing. */
  readonly printed: string;
}

/**
 * Runs install.sh, then looks at what it left of the unpacked files: changed bytes are recorded as they are, or refused
 * where only signed ones may be installed.
 *
 * @throws StageFailure of a PluginError SCRIPT_FAILED, SIGNATURE_INVALID
 */
export async function runScript(
  { files, facts }: Unpacked,
  script: { readonly folder: string; readonly args: readonly string[] },
  run: ChangeRun,
  { scripts, limits, trust }: ScriptStageParts,
): Promise<AfterScript> {
  const { signal, log } = run;
  const kept = new KeptBytes(KEPT_OUTPUT_BYTES);
  const onOutput = (chunk: Uint8Array) => {
    kept.add(chunk);
    run.output(chunk);
  };
  const after = await run.stage("script", facts, async () => {
    const staged = await StagedFiles.beforeScript(files);
    await scripts.run({ ...script, signal, log, onOutput });
    const left = await staged.afterScript(limits, signal);
    if (trust.required && left.changed.length > 0) throw unsigned(left.changed);
    return left;
  });
  const printed = terminalText(kept.since(0).bytes, KEPT_OUTPUT_BYTES);
  if (after.changed.length === 0) return { files: after.files, facts, printed };
  log.warn({ files: after.changed }, "install.sh changed files of the plugin: they are installed as it left them");
  return { files: after.files, facts: { ...facts, changedByScript: after.changed }, printed };
}

function unsigned(changed: readonly string[]): PluginError {
  return new PluginError(
    "SIGNATURE_INVALID",
    `install.sh changed ${printable(enumerate(changed))}, and trust.require installs only the bytes that were signed; ` +
      "sign a zip that has the final files and whose install.sh leaves them alone",
  );
}

import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
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
): Promise<Unpacked> {
  const { signal, log } = run;
  const after = await run.stage("script", facts, async () => {
    const staged = await StagedFiles.beforeScript(files);
    await scripts.run({ ...script, signal, log });
    const left = await staged.afterScript(limits, signal);
    if (trust.required && left.changed.length > 0) throw unsigned(left.changed);
    return left;
  });
  if (after.changed.length === 0) return { files: after.files, facts };
  log.warn({ files: after.changed }, "install.sh changed files of the plugin: they are installed as it left them");
  return { files: after.files, facts: { ...facts, changedByScript: after.changed } };
}

function unsigned(changed: readonly string[]): PluginError {
  return new PluginError(
    "SIGNATURE_INVALID",
    `install.sh changed ${printable(enumerate(changed))}, and trust.require installs only the bytes that were signed; ` +
      "sign a zip that has the final files and whose install.sh leaves them alone",
  );
}

import { open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import { Breather } from "../../lib/event-loop.ts";
import type { Log } from "../../lib/log.ts";
import { printable } from "../../lib/text.ts";
import { convertedScript, isShellScript, namedFiles, SCRIPT, scriptFault, type TextFault } from "./script-text.ts";

/** Enough for the line that names a script's shell. */
const HEAD_BYTES = 256;

/**
 * How much of each script is looked at, which takes up to 0.25 s for 256 KiB: the rest of a larger one is the data that
 * it unpacks. And of how many that install.sh starts; a zip has a handful.
 */
type Looking = Pick<Config["installScript"], "maxTextBytes" | "maxHelpers">;

interface ScriptFile {
  /** Relative to the folder. */
  readonly name: string;
  readonly path: string;
}

interface FaultyFile extends ScriptFile {
  readonly bytes: Buffer;
  readonly fault: TextFault;
}

/**
 * Refuses an install.sh that sh would not read as it was meant, or converts it where that is set; and so each shell
 * script of the zip that it names, and that these name. Others may be for another system: they are left as they are.
 *
 * @param folder has install.sh, as it was unpacked
 * @throws PluginError SCRIPT_INVALID; the signal's reason; the file system's error
 */
export async function prepareScripts(
  folder: string,
  config: Looking & Pick<Config["installScript"], "convertLineEnds">,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Log },
): Promise<void> {
  const { convertLineEnds, maxTextBytes } = config;
  const faulty = await faultyScripts(folder, config, signal);
  const refused = faulty.find(({ bytes, fault }) => {
    return !convertLineEnds || !fault.isConvertible || bytes.length > maxTextBytes;
  });
  if (refused !== undefined) throw refusal(refused, config);
  for (const { path, bytes } of faulty) await writeFile(path, convertedScript(bytes));
  if (faulty.length === 0) return;
  const files = faulty.map(({ name, fault }) => `${printable(name)} ${fault.what}`);
  log.warn({ files }, "scripts of the plugin are run with Unix line ends (installScript.convertLineEnds)");
}

/** install.sh and what it runs, without the ones that are as they should be. */
async function faultyScripts(
  folder: string,
  { maxTextBytes, maxHelpers }: Looking,
  signal: AbortSignal,
): Promise<FaultyFile[]> {
  const named = await filesByName(folder);
  const faulty: FaultyFile[] = [];
  const seen = new Set<string>();
  const waiting: { readonly file: ScriptFile; readonly isScript: boolean }[] = [
    { file: { name: SCRIPT, path: join(folder, SCRIPT) }, isScript: true },
  ];
  const breather = new Breather();
  for (let next = waiting.shift(); next !== undefined && seen.size <= maxHelpers; next = waiting.shift()) {
    const { file, isScript } = next;
    if (seen.has(file.name)) continue;
    signal.throwIfAborted();
    await breather.breathe();
    if (!isScript && !isShellScript(file.name, await readStart(file.path, HEAD_BYTES))) continue;
    // One byte more than is looked at, of a file that is larger.
    const bytes = await readStart(file.path, maxTextBytes + 1);
    seen.add(file.name);
    const fault = scriptFault(bytes);
    if (fault !== undefined) faulty.push({ ...file, bytes, fault });
    const { words, read } = namedFiles(bytes);
    for (const word of words) {
      for (const helper of named.get(word) ?? []) waiting.push({ file: helper, isScript: read.has(word) });
      named.delete(word); // each file waits once
    }
  }
  return faulty;
}

/** By their names without folders. Not below names that are no UTF-8, as U+FFFD in them says: no script's text has them. */
async function filesByName(folder: string): Promise<Map<string, ScriptFile[]>> {
  const named = new Map<string, ScriptFile[]>();
  const folders = [folder];
  for (let inside = folders.pop(); inside !== undefined; inside = folders.pop()) {
    for (const entry of await readdir(inside, { withFileTypes: true })) {
      if (entry.name.includes("\ufffd")) continue;
      const path = join(inside, entry.name);
      if (entry.isDirectory()) folders.push(path);
      if (!entry.isFile()) continue;
      const file = { name: path.slice(folder.length + 1), path };
      const others = named.get(entry.name);
      if (others === undefined) named.set(entry.name, [file]);
      else others.push(file);
    }
  }
  return named;
}

async function readStart(path: string, maxBytes: number): Promise<Buffer> {
  await using handle = await open(path);
  const { size } = await handle.stat();
  const buffer = Buffer.alloc(Math.min(size, maxBytes));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  return buffer.subarray(0, bytesRead);
}

const REMEDY =
  "save it as UTF-8 text without a byte order mark and with Unix line ends (sed -i 's/\\r$//' FILE removes Windows ones) and zip it again";

function refusal(
  { name, fault }: FaultyFile,
  { convertLineEnds, maxTextBytes }: Parameters<typeof prepareScripts>[1],
): PluginError {
  const setting = convertLineEnds
    ? `, or raise installScript.maxTextBytes (${maxTextBytes}), up to which scripts are converted`
    : ", or set installScript.convertLineEnds";
  const remedy = fault.isConvertible ? `${REMEDY}${setting}` : REMEDY;
  const message = `${printable(name)} ${fault.what}, so sh would not run it as it was meant: ${remedy}`;
  return new PluginError("SCRIPT_INVALID", message);
}

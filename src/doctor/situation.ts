import { realpathSync, statSync } from "node:fs";
import { ConfigError, loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { type ProxySettings, proxySettings } from "../fetch/proxy.ts";
import { hasCode, systemMessage } from "../lib/errors.ts";
import { Layout } from "../store/layout.ts";
import { loadRegistry, MAX_REGISTRY_BYTES, type RegistryContent } from "../store/registry/registry-file.ts";
import { CollectedLog } from "./collected-log.ts";
import { findLockHolder } from "./server/lock-holder.ts";
import { type ProcessFacts, readProcessFacts } from "./system/process-facts.ts";

/** Where Linux tells about processes and their limits; tests have their own. */
export interface SystemFolders {
  readonly proc: string;
  readonly cgroup: string;
}

const THIS_SYSTEM: SystemFolders = { proc: "/proc", cgroup: "/sys/fs/cgroup" };

export interface DoctorOptions {
  /** The base folder; it need not be there. */
  readonly base: string;
  /** The environment that the server would have. */
  readonly env: NodeJS.ProcessEnv;
  /** Of this program. */
  readonly version: string;
  /** A token to look at. */
  readonly tokenFile?: string | undefined;
  /** Asks no plugin host. */
  readonly offline?: boolean | undefined;
  /** It must be later than that by now: when this program was built. */
  readonly notBefore?: Date | undefined;
  readonly system?: SystemFolders;
  /** Ends it; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** What the checks look at. */
export interface Situation extends Omit<DoctorOptions, "signal" | "system"> {
  readonly system: SystemFolders;
  readonly config: Config;
  /** What the server would log about its settings. */
  readonly warnings: readonly string[];
  readonly layout: Layout;
  readonly proxy: ProxySettings;
  /** The server on these folders, if it runs and this user may see it; else this process. */
  readonly server: ProcessFacts;
  /** @throws why it can't be used */
  registry(): Promise<ReadRegistry>;
}

interface ReadRegistry {
  /** Undefined where there is no file. */
  readonly content: RegistryContent | undefined;
  /** What of it is ignored. */
  readonly warnings: readonly string[];
}

/** @throws ConfigError where the server would not start with these settings, or BaseFolderMissing */
export async function readSituation({ signal: _, ...options }: DoctorOptions): Promise<Situation> {
  const { env, system = THIS_SYSTEM } = options;
  const base = realBase(options.base);
  const { config, warnings } = loadConfig(new Layout(base).configFile, env);
  const layout = new Layout(base, config.folders);
  if (layout.volume("etc") === layout.volume("plugins")) {
    const same = layout.volume("etc");
    throw new ConfigError(`folders.etc and folders.plugins are both ${same}; they should be two folders`);
  }
  const holder = await findLockHolder(layout.lockFile("plugins"), system.proc);
  const server = await readProcessFacts(holder, system.proc);
  let registry: Promise<ReadRegistry> | undefined;
  return {
    ...{ ...options, system, base, config, warnings, layout, server },
    proxy: proxySettings(env),
    registry: () => {
      registry ??= readRegistry(layout.registryFile);
      return registry;
    },
  };
}

/** The server makes a base folder that is missing, and would start with nothing installed. */
export class BaseFolderMissing extends ConfigError {}

function realBase(base: string): string {
  try {
    const real = realpathSync(base);
    if (statSync(real).isDirectory()) return real;
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) throw new BaseFolderMissing(`the base folder ${base} is not there`, { cause });
    throw new ConfigError(`the base folder ${base} can't be used: ${systemMessage(cause)}`, { cause });
  }
  throw new ConfigError(`the base folder ${base} is no folder`);
}

async function readRegistry(file: string): Promise<ReadRegistry> {
  const log = new CollectedLog();
  return { content: await loadRegistry(file, MAX_REGISTRY_BYTES, log), warnings: log.lines };
}

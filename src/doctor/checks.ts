import { tlsFiles } from "./access/tls-files.ts";
import { token } from "./access/token.ts";
import { tokenKeys } from "./access/token-keys.ts";
import { trustKeys } from "./access/trust-keys.ts";
import { engineAddress } from "./engine/address.ts";
import { engineBinary } from "./engine/binary.ts";
import type { Check } from "./finding.ts";
import { fileSystems } from "./folders/file-systems.ts";
import { folders } from "./folders/folders.ts";
import { leftovers } from "./folders/leftovers.ts";
import { mounts } from "./folders/mounts.ts";
import { space } from "./folders/space.ts";
import { clock } from "./network/clock.ts";
import { downloads } from "./network/downloads.ts";
import { pluginHosts } from "./network/plugin-hosts.ts";
import { proxies } from "./network/proxies.ts";
import { pluginFiles } from "./plugins/files.ts";
import { keptVersions } from "./plugins/kept-versions.ts";
import { registry } from "./plugins/registry.ts";
import { verdicts } from "./plugins/verdicts.ts";
import { environment } from "./server/environment.ts";
import { lock } from "./server/lock.ts";
import { port } from "./server/port.ts";
import { exposure } from "./settings/exposure.ts";
import { settings } from "./settings/settings.ts";
import { memory, openFiles, umask } from "./system/limits.ts";
import { programs } from "./system/programs.ts";
import { user } from "./system/user.ts";

/** Every check, in the order of the report. docs/doctor.md has a row for each. */
export const CHECKS: readonly Check[] = [
  { id: "settings", group: "settings", run: settings },
  { id: "exposure", group: "settings", run: exposure },
  { id: "tls-files", group: "access", run: tlsFiles },
  { id: "token-keys", group: "access", run: tokenKeys },
  { id: "token", group: "access", run: token },
  { id: "trust-keys", group: "access", run: trustKeys },
  { id: "user", group: "system", run: user },
  { id: "umask", group: "system", run: umask },
  { id: "open-files", group: "system", run: openFiles },
  { id: "memory", group: "system", run: memory },
  { id: "programs", group: "system", run: programs },
  { id: "folders", group: "folders", run: folders },
  { id: "mounts", group: "folders", run: mounts },
  { id: "file-systems", group: "folders", run: fileSystems },
  { id: "space", group: "folders", run: space },
  { id: "leftovers", group: "folders", run: leftovers },
  { id: "lock", group: "server", run: lock },
  { id: "environment", group: "server", run: environment },
  { id: "port", group: "server", run: port },
  { id: "engine-binary", group: "engine", run: engineBinary },
  { id: "engine-url", group: "engine", run: engineAddress },
  { id: "registry", group: "plugins", run: registry },
  { id: "plugin-files", group: "plugins", seconds: 60, run: pluginFiles },
  { id: "kept-versions", group: "plugins", run: keptVersions },
  { id: "verdicts", group: "plugins", seconds: 60, run: verdicts },
  { id: "proxies", group: "network", run: proxies },
  { id: "downloads", group: "network", run: downloads },
  { id: "plugin-hosts", group: "network", isOnline: true, seconds: 60, run: pluginHosts },
  { id: "clock", group: "network", run: clock },
];

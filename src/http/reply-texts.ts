import type { PluginType } from "../domain/plugin.ts";
import { printable } from "../domain/printable.ts";

/** The sentences that clients know, word for word. */
export const replyText = {
  created: (type: PluginType, name: string) => `${type} plugin ${name} is created`,
  deleted: (type: PluginType, name: string) =>
    `${type} plugin ${name} is deleted and Kuiper must restart for the change to take effect.`,
  deletedAndStopping: (type: PluginType, name: string) =>
    `${type} plugin ${name} is deleted and Kuiper will be stopped`,
} as const;

/** What comes before the sentence of an error, by the call that failed. */
export const errorPrefix = {
  body: (type: PluginType) => `Invalid body: Error decoding the ${type} plugin json: `,
  create: (type: PluginType) => `${type} plugins create command error: `,
  describe: (type: PluginType, name: string) => `describe ${type} plugin ${printable(name)} error: `,
  delete: (type: PluginType, name: string) => `delete ${type} plugin ${printable(name)} error: `,
  prebuild: (type: PluginType) => `${type} plugins prebuild command error: `,
} as const;

import type { PluginType } from "../domain/plugin.ts";
import { printable } from "../lib/text.ts";

/** The sentences that clients know, word for word. */
export const replyText = {
  created: (type: PluginType, name: string) => `${type} plugin ${name} is created`,
  /** As a later engine says it, without the type. */
  updated: (name: string) => `plugin ${name} is updated and Kuiper must restart for the change to take effect.`,
  rolledBack: (name: string, version: string) => {
    const to = version === "" ? "the version without a number" : `version ${printable(version)}`;
    return `plugin ${name} is rolled back to ${to} and Kuiper must restart for the change to take effect.`;
  },
  registered: (name: string) => `function plugin ${name} function list is registered`,
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
  update: (type: PluginType, name: string) => `update ${type} plugin ${printable(name)} error: `,
  rollback: (type: PluginType, name: string) => `rollback ${type} plugin ${printable(name)} error: `,
  inspect: (type: PluginType) => `${type} plugins inspect command error: `,
  functionList: "Invalid body: Error decoding the function list json: ",
  rollbackBody: "Invalid body: Error decoding the rollback json: ",
  register: (name: string) => `register functions plugin ${printable(name)} error: `,
  describeFunction: (name: string) => `describe function ${printable(name)} error: `,
  list: "list plugins error: ",
  listUploads: "Error listing the uploaded files: ",
  uploadBody: "Invalid body: ",
  upload: "Upload error: ",
  deleteUpload: "Error deleting the file: ",
  prebuild: (type: PluginType) => `${type} plugins prebuild command error: `,
} as const;

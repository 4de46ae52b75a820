import type { PluginType } from "../domain/plugin.ts";
import { printable } from "../lib/text.ts";

/** The messages that clients know, word for word. */
export const replyMessage = {
  created: (type: PluginType, name: string) => `${type} plugin ${name} is created`,
  /** As in a later engine, without the type. */
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

/** Comes before the message of an error: the same for a whole route, or by the parameters in the request's path. */
export type ErrorPrefix = string | ((params: PathParams) => string);

/** Each route has those that its own prefix names. */
export interface PathParams {
  readonly name: string;
  readonly id: string;
}

const forPlugin =
  (verb: string, type: PluginType) =>
  ({ name }: PathParams) =>
    `${verb} ${type} plugin ${printable(name)} error: `;

const forJob =
  (verb: string) =>
  ({ id }: PathParams) =>
    `${verb} job ${printable(id)} error: `;

/** By the call that failed. */
export const errorPrefix = {
  create: (type: PluginType) => `${type} plugins create command error: `,
  describe: (type: PluginType) => forPlugin("describe", type),
  delete: (type: PluginType) => forPlugin("delete", type),
  update: (type: PluginType) => forPlugin("update", type),
  rollback: (type: PluginType) => forPlugin("rollback", type),
  inspect: (type: PluginType) => `${type} plugins inspect command error: `,
  prebuild: (type: PluginType) => `${type} plugins prebuild command error: `,
  list: "list plugins error: ",
  register: ({ name }: PathParams) => `register functions plugin ${printable(name)} error: `,
  describeFunction: ({ name }: PathParams) => `describe function ${printable(name)} error: `,
  listJobs: "list jobs error: ",
  describeJob: forJob("describe"),
  cancelJob: forJob("cancel"),
  listUploads: "Error listing the uploaded files: ",
  upload: "Upload error: ",
  deleteUpload: "Error deleting the file: ",
} as const;

/** By the body that could not be used. */
export const bodyErrorPrefix = {
  plugin: (type: PluginType) => `Invalid body: Error decoding the ${type} plugin json: `,
  functionList: "Invalid body: Error decoding the function list json: ",
  rollback: "Invalid body: Error decoding the rollback json: ",
  upload: "Invalid body: ",
  uploadJson: "Error decoding file json: ",
} as const;

import { Type } from "@sinclair/typebox";
import type { ErrorCode } from "../errors.ts";
import type { HeaderName } from "../headers.ts";
import { InspectionReport } from "../inspection.ts";
import { JobView } from "../jobs.ts";
import {
  ANY_WITH_TOKEN,
  BODY,
  type Call,
  type Calls,
  flag,
  json,
  line,
  type Reply,
  STORAGE,
  UNUSED_BODY,
} from "./call.ts";

const headers = {
  prefer: Type.Optional(
    Type.String({
      description:
        "`respond-async` answers at once with a job; `wait=5` waits for the result first, at most 60 seconds",
      examples: ["respond-async, wait=5"],
    }),
  ),
};

const query = {
  restart: flag("`1` restarts the engine after the change"),
  stop: flag("The same as `restart`"),
  force: flag("`1` makes the change although rules use the plugin, with `engine.protectUsed`"),
};

/** The fields of a request for a zip. */
export const PACKAGE_FIELDS = {
  name: "Starts with a lower-case letter and contains only letters, digits and underscores",
  file: "`http`, `https` or `file` URL of the zip",
  sha256: "The expected checksum, 64 hexadecimal digits",
  signature: "A detached signature of the zip, in base64",
  statement: "A signed statement of which plugin the zip is, in base64",
  allowDowngrade: "`true` lets a lower version replace the installed one where `trust.require` is set",
  shellParas: "The arguments of install.sh",
  functions: "The names of the functions in a function plugin",
};

export const ZIP_FILE = { field: "file", types: ["application/zip"] };

/** Of a zip, until its plugin is about to be put into place. */
const FETCH: readonly ErrorCode[] = [
  "NAME_INVALID",
  "URI_INVALID",
  "UPLOAD_INVALID",
  "DOWNLOAD_FAILED",
  "CHECKSUM_MISMATCH",
  "SIGNATURE_INVALID",
  "SIGNATURE_REQUIRED",
  "ARCHIVE_INVALID",
  "CANCELLED",
];

export const PACKAGE_ERRORS: readonly ErrorCode[] = [
  ...ANY_WITH_TOKEN,
  ...BODY,
  ...STORAGE,
  ...FETCH,
  "SCRIPT_ABSENT",
  "SCRIPT_INVALID",
];

const PUT_IN_PLACE: readonly ErrorCode[] = [
  ...PACKAGE_ERRORS,
  "SCRIPT_FAILED",
  "PLUGIN_INCOMPATIBLE",
  "FUNCTION_NAME_TAKEN",
  "NOT_SUPPORTED",
];

/** Of a plugin that is there. */
const INSTALLED: readonly ErrorCode[] = ["PLUGIN_NOT_FOUND", "PLUGIN_IN_USE", "ENGINE_REFUSED"];

const CHANGED: readonly HeaderName[] = ["job", "plugin-activation", "plugin-compatibility", "preference-applied"];
const CHANGED_INSTALLED: readonly HeaderName[] = [...CHANGED, "plugin-used-by"];

const accepted: Reply = json(JobView, "With `Prefer: respond-async`: the job goes on", [
  "location",
  "job",
  "preference-applied",
]);

const change = { headers, query, errorHeaders: ["job", "preference-applied"] } satisfies Partial<Call>;

export const changeCalls: Calls = {
  "POST /plugins/:type": {
    ...change,
    id: "installPlugin",
    tag: "Plugins",
    summary: "Install a plugin",
    fields: PACKAGE_FIELDS,
    needs: ["name", "file"],
    file: ZIP_FILE,
    replies: { 201: line("sources plugin random is created", "It is installed", CHANGED), 202: accepted },
    errors: [...PUT_IN_PLACE, "NAME_TAKEN", "NAME_MARKED_DELETED"],
  },
  "PUT /plugins/:type/:name": {
    ...change,
    id: "updatePlugin",
    tag: "Plugins",
    summary: "Put another version into the place of the installed one",
    fields: { ...PACKAGE_FIELDS, name: "That of the path, which has it already" },
    needs: ["file"],
    file: ZIP_FILE,
    replies: {
      200: line(
        "plugin random is updated and Kuiper must restart for the change to take effect.",
        "It is updated",
        CHANGED_INSTALLED,
      ),
      202: accepted,
    },
    errors: [...PUT_IN_PLACE, ...INSTALLED, "DOWNGRADE_REFUSED"],
  },
  "DELETE /plugins/:type/:name": {
    ...change,
    id: "deletePlugin",
    tag: "Plugins",
    summary: "Delete a plugin with every version that is kept",
    replies: {
      200: line(
        "sources plugin random is deleted and Kuiper must restart for the change to take effect.",
        "It is deleted",
        CHANGED_INSTALLED,
      ),
      202: accepted,
    },
    errors: [
      ...ANY_WITH_TOKEN,
      ...UNUSED_BODY,
      ...STORAGE,
      ...INSTALLED,
      "CANCELLED",
      "NOT_SUPPORTED",
      "SHUTTING_DOWN",
    ],
  },
  "POST /plugins/:type/:name/rollback": {
    ...change,
    id: "rollBackPlugin",
    tag: "Versions",
    summary: "Bring an earlier version back; without a body, the previous one",
    fields: { version: "The version to bring back", id: "The `id` of the version to bring back" },
    replies: {
      200: line(
        "plugin random is rolled back to version 1.0.0 and Kuiper must restart for the change to take effect.",
        "It is brought back",
        CHANGED_INSTALLED,
      ),
      202: accepted,
    },
    errors: [
      ...ANY_WITH_TOKEN,
      ...BODY,
      ...STORAGE,
      ...INSTALLED,
      "VERSION_NOT_FOUND",
      "SIGNATURE_REQUIRED",
      "PLUGIN_INCOMPATIBLE",
      "FUNCTION_NAME_TAKEN",
      "CANCELLED",
      "NOT_SUPPORTED",
    ],
  },
  "POST /plugins/functions/:name/register": {
    id: "registerFunctions",
    tag: "Functions",
    summary: "Say which functions a function plugin has",
    fields: { functions: "Their names" },
    needs: ["functions"],
    replies: {
      200: line("function plugin image function list is registered", "They are registered", [
        "job",
        "plugin-compatibility",
      ]),
    },
    errors: [...ANY_WITH_TOKEN, ...BODY, ...STORAGE, "PLUGIN_NOT_FOUND", "FUNCTION_NAME_TAKEN", "PLUGIN_INCOMPATIBLE"],
    errorHeaders: ["job"],
  },
  "POST /plugins/:type/inspect": {
    id: "inspectPlugin",
    tag: "Plugins",
    summary: "Report what an install would find. Nothing is installed",
    fields: PACKAGE_FIELDS,
    needs: ["name", "file"],
    file: ZIP_FILE,
    replies: { 200: json(InspectionReport, "What was found", ["plugin-compatibility"]) },
    errors: PACKAGE_ERRORS,
  },
  "POST /plugins/inspect": {
    id: "inspectAnyPlugin",
    tag: "Plugins",
    summary: "The same, where type and name are found out from the zip",
    fields: {
      ...PACKAGE_FIELDS,
      name: "Optional: the .so says it",
      type: "Optional: the .so and the yaml say it",
    },
    needs: ["file"],
    file: ZIP_FILE,
    replies: { 200: json(InspectionReport, "What was found", ["plugin-compatibility"]) },
    errors: PACKAGE_ERRORS,
  },
};

import { Type } from "@sinclair/typebox";
import { listOf } from "../shapes.ts";
import { ANY_WITH_TOKEN, type Call, type Calls, json, UNUSED_BODY } from "./call.ts";
import { PACKAGE_ERRORS, PACKAGE_FIELDS, ZIP_FILE } from "./changes.ts";

/** In front of an engine it has these calls, so that this server has no route for them. */
const refused = (id: string): Call => ({
  id,
  tag: "Portable plugins",
  summary: "With `engine.url` the engine answers; without one there are none",
  replies: {},
  errors: [...ANY_WITH_TOKEN, ...UNUSED_BODY, "NOT_SUPPORTED"],
});

const checked = {
  tag: "Portable plugins",
  fields: PACKAGE_FIELDS,
  needs: ["file"],
  file: ZIP_FILE,
  replies: {},
  passesBack: true,
  errors: [...PACKAGE_ERRORS, "NAME_TAKEN", "SCRIPT_FAILED", "NOT_SUPPORTED", "ENGINE_REFUSED"],
  errorHeaders: ["job"],
} satisfies Partial<Call>;

export const portableCalls: Calls = {
  "GET /plugins/portables": {
    id: "listPortables",
    tag: "Portable plugins",
    summary: "None, without an engine; with `engine.url` the engine answers",
    replies: { 200: json(listOf(Type.String()), "The empty list") },
    errors: ANY_WITH_TOKEN,
  },
  "GET /plugins/portables/:name": refused("describePortable"),
  "GET /plugins/portables/:name/status": refused("portableStatus"),
  "DELETE /plugins/portables/:name": refused("deletePortable"),
  "POST /plugins/portables": {
    ...checked,
    id: "installPortable",
    summary: "Check the zip, and hand it to the engine, whose answer is passed back",
  },
  "PUT /plugins/portables/:name": {
    ...checked,
    id: "updatePortable",
    summary: "The same for a portable plugin that is there",
  },
};

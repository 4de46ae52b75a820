import { Type } from "@sinclair/typebox";
import { VERDICTS } from "../../domain/compatibility.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import { Prebuild, PrebuildDetails } from "../catalogue.ts";
import { FunctionDescription, PluginDescription, PluginSummary, VersionDescription } from "../plugins.ts";
import { listOf, oneOf } from "../shapes.ts";
import { ANY_WITH_TOKEN, type Calls, flag, json, STORAGE } from "./call.ts";

const READ = [...ANY_WITH_TOKEN, ...STORAGE];
const names = listOf(Type.String());

export const listCalls: Calls = {
  "GET /plugins": {
    id: "listAllPlugins",
    tag: "Plugins",
    summary: "Every plugin with its version, origin and verdict",
    query: {
      type: Type.Optional(oneOf(PLUGIN_TYPES, { description: "Those of one type" })),
      verdict: Type.Optional(oneOf(VERDICTS, { description: "Those with this verdict" })),
      engine: Type.Optional(Type.String({ description: "The path of another engine's binary to compare with" })),
      rules: flag("`1` adds how many rules need each; the engine is asked"),
    },
    replies: { 200: json(listOf(PluginSummary), "By type and name") },
    errors: READ,
  },
  "GET /plugins/:type": {
    id: "listPlugins",
    tag: "Plugins",
    summary: "The names of the plugins of a type",
    replies: { 200: json(names, "In alphabetical order") },
    errors: READ,
  },
  "GET /plugins/:type/:name": {
    id: "describePlugin",
    tag: "Plugins",
    summary: "One plugin: version, files, origin, verdict, what uses it",
    replies: { 200: json(PluginDescription, "As it is installed") },
    errors: [...READ, "PLUGIN_NOT_FOUND"],
  },
  "GET /plugins/:type/:name/versions": {
    id: "listVersions",
    tag: "Versions",
    summary: "The installed version and those that a rollback can bring back",
    replies: { 200: json(listOf(VersionDescription), "The installed one first") },
    errors: [...READ, "PLUGIN_NOT_FOUND"],
  },
  "GET /plugins/:type/:name/log": {
    id: "readInstallLog",
    tag: "Plugins",
    summary: "What install.sh of the installed version printed",
    replies: { 200: { about: "The last 64 KiB", content: { "text/plain": "installing libzmq5\n" } } },
    errors: [...READ, "PLUGIN_NOT_FOUND", "LOG_NOT_FOUND"],
  },
  "GET /plugins/udfs": {
    id: "listFunctions",
    tag: "Functions",
    summary: "The functions of all plugins",
    replies: { 200: json(names, "In alphabetical order") },
    errors: READ,
  },
  "GET /plugins/udfs/:name": {
    id: "describeFunction",
    tag: "Functions",
    summary: "Which plugin has a function",
    path: { name: "The name of the function" },
    replies: { 200: json(FunctionDescription, "The function") },
    errors: [...READ, "PLUGIN_NOT_FOUND"],
  },
  "GET /plugins/:type/prebuild": {
    id: "listPrebuild",
    tag: "Catalogue",
    summary: "What the plugin hosts offer for this system",
    query: {
      details: flag("`1` answers with `PrebuildDetails`: what is installed, what is newer, which hosts failed"),
    },
    replies: {
      200: json(Type.Union([Prebuild, PrebuildDetails]), "Name and URL of each, or the details", [
        "plugin-hosts-failed",
        "plugin-hosts-empty",
      ]),
    },
    errors: [...ANY_WITH_TOKEN, "PLUGIN_HOSTS_FAILED"],
  },
};

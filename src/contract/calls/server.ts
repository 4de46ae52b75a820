import { Type } from "@sinclair/typebox";
import { EngineReport } from "../engine.ts";
import { JobView } from "../jobs.ts";
import { About, EngineAbout } from "../server.ts";
import { listOf } from "../shapes.ts";
import { ANY, ANY_WITH_TOKEN, BODY, type Calls, empty, json, line, STORAGE, UNUSED_BODY } from "./call.ts";

const about = json(
  Type.Union([About, EngineAbout]),
  "This server; in front of an engine, the engine with this server in it",
);
const paths = listOf(Type.String());

export const serverCalls: Calls = {
  "GET /": {
    id: "about",
    tag: "Server",
    summary: "Version, operating system, seconds since the start",
    replies: { 200: about, 302: empty("A browser is sent to the page, at `/ui/`", ["location"]) },
    errors: ANY_WITH_TOKEN,
  },
  "POST /": {
    id: "aboutByPost",
    tag: "Server",
    summary: "The same as `GET /`",
    replies: { 200: about },
    errors: [...ANY_WITH_TOKEN, ...UNUSED_BODY],
  },
  "GET /ping": {
    id: "ping",
    tag: "Server",
    summary: "Whether the server answers",
    isOpen: true,
    replies: { 200: empty("It does") },
    errors: ANY,
  },
  "GET /metrics": {
    id: "metrics",
    tag: "Server",
    summary: "Figures for Prometheus",
    replies: { 200: line("# TYPE kuiper_plugins gauge\n", "In the text format of Prometheus") },
    errors: ANY_WITH_TOKEN,
  },
  "GET /openapi.json": {
    id: "openApi",
    tag: "Server",
    summary: "This document",
    isOpen: true,
    replies: { 200: json(Type.Unsafe({ type: "object" }), "OpenAPI 3.1") },
    errors: ANY,
  },
  "GET /engine": {
    id: "describeEngine",
    tag: "Engine",
    summary: "The engine, and what waits for its restart",
    replies: { 200: json(EngineReport, "Also where it can't be asked") },
    errors: ANY_WITH_TOKEN,
  },
  "POST /engine/restart": {
    id: "restartEngine",
    tag: "Engine",
    summary: "Restart the engine with all changes that wait for it",
    replies: { 202: json(JobView, "The restart's job", ["location", "job"]) },
    errors: [...ANY_WITH_TOKEN, ...UNUSED_BODY, "NOT_SUPPORTED", "ENGINE_REFUSED"],
  },
  "GET /config/uploads": {
    id: "listUploads",
    tag: "Uploads",
    summary: "The files that dashboards offer as `file:` URLs",
    replies: { 200: json(paths, "Absolute paths, in alphabetical order") },
    errors: [...ANY_WITH_TOKEN, ...STORAGE],
  },
  "POST /config/uploads": {
    id: "upload",
    tag: "Uploads",
    summary: "Store a file, in the place of one of the same name",
    fields: {
      name: "Of the file",
      content: "Its text",
      base64: "Its bytes, in place of `content`",
      file: "A URL to copy it from, in place of `content`",
    },
    file: { field: "uploadFile", types: ["application/zip", "application/octet-stream"] },
    replies: { 201: line("/kuiper/data/uploads/random.zip", "The absolute path of the new file") },
    errors: [
      ...ANY_WITH_TOKEN,
      ...BODY,
      ...STORAGE,
      "NAME_INVALID",
      "URI_INVALID",
      "DOWNLOAD_FAILED",
      "UPLOAD_INVALID",
      "CANCELLED",
    ],
  },
  "DELETE /config/uploads/:name": {
    id: "deleteUpload",
    tag: "Uploads",
    summary: "Delete such a file",
    path: { name: "The name of the file" },
    replies: { 200: line("ok", "It is deleted") },
    errors: [...ANY_WITH_TOKEN, ...UNUSED_BODY, ...STORAGE, "NAME_INVALID", "UPLOAD_NOT_FOUND"],
  },
};

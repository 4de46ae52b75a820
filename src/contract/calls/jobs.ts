import { Type } from "@sinclair/typebox";
import { JobOutput, JobState, JobView } from "../jobs.ts";
import { listOf } from "../shapes.ts";
import { ANY_WITH_TOKEN, type Calls, empty, json, UNUSED_BODY } from "./call.ts";

const JOB_ERRORS = [...ANY_WITH_TOKEN, "JOB_NOT_FOUND"] as const;

export const jobCalls: Calls = {
  "GET /jobs": {
    id: "listJobs",
    tag: "Jobs",
    summary: "The changes in progress and the last ones that ended",
    query: {
      state: Type.Optional(
        Type.Unsafe({ type: "array", items: JobState, description: "Those in one of these states" }),
      ),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 1000, description: "The most that are listed; 100 if absent" }),
      ),
      cursor: Type.Optional(Type.Integer({ minimum: 0, description: "That of a Link header" })),
    },
    replies: { 200: json(listOf(JobView), "The newest first", ["link"]) },
    errors: ANY_WITH_TOKEN,
  },
  "GET /jobs/:id": {
    id: "describeJob",
    tag: "Jobs",
    summary: "How far a change has come, or how it ended",
    replies: { 200: json(JobView, "At this moment") },
    errors: JOB_ERRORS,
  },
  "DELETE /jobs/:id": {
    id: "cancelJob",
    tag: "Jobs",
    summary: "Cancel a change. Everything is as before, except what install.sh did, unless it was too late",
    replies: { 200: json(JobView, "It has ended: `cancelled`, or `done` if it was too late") },
    errors: [...JOB_ERRORS, ...UNUSED_BODY, "JOB_ENDED"],
  },
  "GET /jobs/:id/events": {
    id: "followJob",
    tag: "Jobs",
    summary:
      "Server-sent events: `progress` with the job, `output` with what install.sh prints, then `end` with the job",
    headers: { "last-event-id": Type.Optional(Type.String({ description: "Sent by a browser that reconnects" })) },
    replies: {
      200: {
        about: "Until the job has ended",
        content: {
          "text/event-stream": Type.String({
            // What the data of each is, for which OpenAPI 3.1 has no words.
            "x-events": { progress: JobView, output: JobOutput, end: JobView },
            examples: ['id: 3\nevent: progress\ndata: {"id":"5f0c…","state":"running","percent":40}\n\n'],
          }),
        },
      },
      204: empty("For `Last-Event-ID` of the end: there is nothing more"),
    },
    errors: JOB_ERRORS,
  },
  "GET /jobs/:id/log": {
    id: "readJobLog",
    tag: "Jobs",
    summary: "What install.sh printed",
    replies: { 200: { about: "The last 64 KiB", content: { "text/plain": "installing libzmq5\n" } } },
    errors: [...JOB_ERRORS, "LOG_NOT_FOUND"],
  },
};

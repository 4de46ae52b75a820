import type { Static } from "@sinclair/typebox";
import { ERROR_STATUS, type ErrorCode as KnownCode } from "../domain/errors.ts";
import { named, oneOf, text } from "./shapes.ts";

const CODES = Object.keys(ERROR_STATUS) as KnownCode[];

export const ErrorCode = oneOf(CODES, { $id: "ErrorCode", description: "Stable, for programs" });
export type ErrorCode = Static<typeof ErrorCode>;

export const ErrorReply = named(
  "ErrorReply",
  { error: ErrorCode, message: text("One sentence that says what to do") },
  "An error with `Accept: application/json`, or `http.errors: json`. Otherwise it is the message as a line of text",
);
export type ErrorReply = Static<typeof ErrorReply>;

import { afterAll, afterEach } from "vitest";
import { checkNotedReplies } from "./client-replies.ts";
import { failOnViolations } from "./contract-violations.ts";

async function check(): Promise<void> {
  await checkNotedReplies();
  failOnViolations();
}

afterEach(check);
afterAll(check);

import type { Calls } from "./call.ts";
import { changeCalls } from "./changes.ts";
import { jobCalls } from "./jobs.ts";
import { listCalls } from "./lists.ts";
import { pageCalls } from "./pages.ts";
import { portableCalls } from "./portables.ts";
import { serverCalls } from "./server.ts";

/** Every call of the API. The document has those that the server at hand has routes for. */
export const CALLS: Calls = {
  ...listCalls,
  ...changeCalls,
  ...jobCalls,
  ...serverCalls,
  ...portableCalls,
  ...pageCalls,
};

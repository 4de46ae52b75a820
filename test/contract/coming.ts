/** What the contract has already and this server has no route for yet. */
export const COMING: readonly string[] = ["GET /metrics", "POST /plugins/inspect"];

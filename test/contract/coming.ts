/** What the contract has already and this server has no route for yet. */
export const COMING: readonly string[] = [
  "GET /jobs/:id/log",
  "GET /metrics",
  "GET /plugins/:type/:name/log",
  "POST /plugins/inspect",
];

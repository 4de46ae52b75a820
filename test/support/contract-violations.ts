/** What replies had that the contract does not have, since this was read last. */
const violations = new Set<string>();

/** @param reply how a violation names it @param check throws what the contract does not have */
export function expectInContract(reply: { method: string; url: string; status: number }, check: () => void): void {
  try {
    check();
  } catch (error) {
    violations.add(`${reply.method} ${reply.url} ${reply.status}: ${(error as Error).message}`);
  }
}

/** Fails the test that got such a reply. */
export function failOnViolations(): void {
  const found = [...violations];
  violations.clear();
  if (found.length > 0) throw new Error(`not in the contract (src/contract):\n${found.join("\n")}`);
}

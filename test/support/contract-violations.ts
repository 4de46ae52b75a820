/** What replies had that the contract does not have, since this was read last. */
const violations = new Set<string>();

export function addViolation(text: string): void {
  violations.add(text);
}

/** Fails the test that got such a reply. */
export function failOnViolations(): void {
  const found = [...violations];
  violations.clear();
  if (found.length > 0) throw new Error(`not in the contract (src/contract):\n${found.join("\n")}`);
}

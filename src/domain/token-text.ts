/** The token in what somebody has pasted or put into a file: also in the value of a header, which begins with `Bearer`. */
export function tokenIn(text: string): string {
  return text.trim().replace(/^Bearer\s+/i, "");
}

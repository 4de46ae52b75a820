import { validateHeaderValue } from "node:http";

/** Whether a header that is sent may have that value. What a lenient parser has received need not be one. */
export function isHeaderValue(value: string): boolean {
  try {
    validateHeaderValue("x", value);
    return true;
  } catch {
    return false;
  }
}

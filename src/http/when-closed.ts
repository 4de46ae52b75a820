import type { ServerResponse } from "node:http";

/**
 * Calls the listener once nothing more can be sent to the client: after the reply, or when it has gone. It may have gone
 * already, while its token was checked, and then "close" does not come any more.
 */
export function whenClosed(response: ServerResponse, listener: () => void): void {
  if (response.closed) listener();
  else response.once("close", listener);
}

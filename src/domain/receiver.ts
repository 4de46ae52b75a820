import type { Readable } from "node:stream";
import type { ReceivedZip } from "./install-request.ts";
import type { Log } from "./log.ts";

export interface ReceiveOptions {
  readonly signal: AbortSignal;
  /** The origin to show: `upload`, or `upload of random.zip`. */
  readonly shown: string;
  readonly log: Log;
}

/** Takes what clients send into files. */
export interface Receiver {
  /**
   * Reads `stream` to its end into a new file with mode 0600. After a failure the file is gone, and what is left of
   * the stream is unread: it is not destroyed, since an answer may have to go out on the same connection.
   *
   * @throws PluginError TOO_BUSY, BODY_TOO_LARGE, REQUEST_TIMEOUT, UPLOAD_INVALID (it broke off), STORAGE_FULL,
   * STORAGE_FAILED; a PluginError that the stream fails with; the signal's reason
   */
  receive(stream: Readable, options: ReceiveOptions): Promise<ReceivedZip>;
  /**
   * Removes the file, if nobody has taken it over. Never throws. To be called of every file when its work is done,
   * since until then it takes room that others wait for.
   */
  discard(zip: ReceivedZip): Promise<void>;
}

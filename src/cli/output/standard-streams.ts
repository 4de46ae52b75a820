import { hasCode, systemMessage } from "../../lib/errors.ts";

/**
 * Sees to what can go wrong with this process's own output. A reader that has read enough, as `head` does, is no failure: the
 * exit status still counts. What else keeps results from being printed ends the process with `failed`, also once all is done.
 *
 * @param program its name, before the message
 * @returns sets the exit status of a process whose results could be printed
 */
export function watchStandardStreams(program: string, failed: number): (status: number) => void {
  let isPrinted = true;
  process.stdout.on("error", (error) => {
    if (hasCode(error, "EPIPE")) return;
    isPrinted = false;
    process.exitCode = failed;
    process.stderr.write(`${program}: can't print: ${systemMessage(error)}\n`);
  });
  process.stderr.on("error", () => {}); // nowhere left to report
  return (status) => {
    if (isPrinted) process.exitCode = status;
  };
}

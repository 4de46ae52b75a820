import { constants, fstatSync, mkdirSync, openSync, type Stats } from "node:fs";
import { Socket } from "node:net";
import { dirname } from "node:path";
import { LineWriter, type LineWriterOptions } from "./line-writer.ts";

const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;

/**
 * A writer to standard output. Pipes and sockets are not blocked on: their reader is another program, which may have
 * stalled. Terminals and files are, as ever: O_NONBLOCK has no meaning for a file, and a terminal is shared with the
 * shell that started this process.
 */
export function openStdout(options: LineWriterOptions): LineWriter {
  const stats = statsOf(1);
  if (stats?.isFIFO()) {
    try {
      // An open of its own: the flag must not change the pipe of others who have inherited it.
      return new LineWriter(openSync("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY), options);
    } catch {
      // Such as for a pipe of another user, where the process has given up its rights.
    }
  }
  if (!stats?.isFIFO() && !stats?.isSocket()) return new LineWriter(1, options);
  return new SharedLineWriter(new Socket({ fd: 1, readable: false, writable: true }), options);
}

/** On a socket, which can't be opened again: libuv sets O_NONBLOCK on it, also for those that share it. */
class SharedLineWriter extends LineWriter {
  /** Never written to. Node would close the descriptor if nothing referred to it any more. */
  protected readonly socket: Socket;

  constructor(socket: Socket, options: LineWriterOptions) {
    super(1, options);
    this.socket = socket.on("error", () => {});
  }
}

/**
 * A writer that adds to a file, which is made, for its owner alone, if it is not there.
 *
 * @throws the system's error when the file can't be opened; a FIFO that nobody reads can't
 */
export function openLineFile(file: string, options: LineWriterOptions): LineWriter {
  mkdirSync(dirname(file), { recursive: true });
  try {
    return new LineWriter(openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600), options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
    throw new Error("it is a FIFO that nobody reads, or a socket; start its reader first", { cause: error });
  }
}

function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined; // it is closed: each write says so
  }
}

import type { Command } from "commander";
import type { Output } from "./output/output.ts";
import type { ServerClient } from "./server/server-client.ts";

/** What each command gets, besides its own arguments. */
export interface CommandContext {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Of this program. */
  readonly version: string;
  /** The folder with `etc/` and `plugins/`, for commands that need no server. */
  readonly baseFolder: string;
  /** The server that the options name. Nothing is sent yet. @throws CommandFailure for unusable options */
  connect(): Promise<ServerClient>;
  /** Ends the process with that status, once all is printed. */
  exitWith(status: number): void;
}

/** Adds a command, or several, to the program. */
export type AddCommand = (program: Command, context: CommandContext) => void;

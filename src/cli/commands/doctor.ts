import type { AddCommand } from "../command-context.ts";
import { CommandFailure, EXIT_STATUS } from "../failure.ts";

/** `doctor`: works without a running server. */
export const addDoctor: AddCommand = (program) => {
  program
    .command("doctor")
    .description("look for what goes wrong in the field, and say what to do about it; needs no server")
    .action(async () => {
      throw new CommandFailure("NOT_SUPPORTED", "doctor is not part of this build", EXIT_STATUS.failed);
    });
};

import type { AddCommand } from "../command-context.ts";
import { doctorCommand } from "../doctor.ts";

/** `doctor`: works without a running server. */
export const addDoctor: AddCommand = (program, { env, version, exitWith }) => {
  const command = doctorCommand({
    env,
    version,
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
    exit: exitWith,
    signal: new AbortController().signal,
    program: process.argv[1],
  });
  program.addCommand(command.copyInheritedSettings(program));
};

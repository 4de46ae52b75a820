import { spawnSync } from "node:child_process";

/** For tests with programs that a machine with Node alone need not have; .ci/run installs them. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).error === undefined;
}

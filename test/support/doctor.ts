import { diagnose } from "../../src/doctor/diagnose.ts";
import type { Finding, State } from "../../src/doctor/finding.ts";
import type { DoctorOptions } from "../../src/doctor/situation.ts";

interface Examination extends Partial<Omit<DoctorOptions, "base" | "env">> {
  /** Settings without their prefix: `{ BASIC__RESTPORT: "9082" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
}

/** What the doctor finds in a base folder. No plugin host is asked unless a test names some. */
export async function examine(base: string, { settings = {}, env = {}, ...options }: Examination = {}) {
  const given = { BASIC__RESTPORT: "0", BASIC__PLUGINHOSTS: "", ...settings };
  const variables = Object.fromEntries(Object.entries(given).map(([key, value]) => [`KUIPER__${key}`, value]));
  const { signal } = new AbortController();
  const findings: Finding[] = [];
  const all = {
    base,
    env: { PATH: process.env.PATH, ...variables, ...env },
    version: "0.0.0-test",
    signal,
    ...options,
  };
  for await (const finding of diagnose(all)) findings.push(finding);
  return new Findings(findings);
}

export class Findings {
  readonly all: readonly Finding[];

  constructor(all: readonly Finding[]) {
    this.all = all;
  }

  /** `failure: the message -> the advice`, of one check. */
  of(check: string): string[] {
    return this.all
      .filter((finding) => finding.check === check)
      .map(({ state, message, advice }) => `${state}: ${message}${advice === undefined ? "" : ` -> ${advice}`}`);
  }

  /** The checks that have a finding of that kind. */
  with(state: State): string[] {
    return [...new Set(this.all.filter((finding) => finding.state === state).map(({ check }) => check))];
  }
}

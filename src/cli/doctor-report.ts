import { type Finding, GROUPS, type State } from "../doctor/finding.ts";
import { count } from "../lib/text.ts";

/** How `doctor` ends; 3 is for what kept it from looking at all, as with the other commands. */
export const DOCTOR_STATUS = { ok: 0, failure: 1, warning: 2, unused: 3 } as const;

export function statusOf(findings: readonly Finding[]): number {
  const has = (wanted: State) => findings.some(({ state }) => state === wanted);
  return has("failure") ? DOCTOR_STATUS.failure : has("warning") ? DOCTOR_STATUS.warning : DOCTOR_STATUS.ok;
}

const SIGN: Readonly<Record<State, string>> = { ok: "ok", skipped: "--", warning: "WARN", failure: "FAIL" };
const WIDTH = 4;

/** The findings in their groups; at the end once more what needs somebody, failures first. */
export function reportFindings(base: string, findings: readonly Finding[]): string {
  const sections = GROUPS.flatMap((group) => {
    const all = findings.filter((finding) => finding.group === group);
    return all.length === 0 ? [] : [`${group}\n${all.map(lineOf).join("")}`];
  });
  return `${sections.join("\n")}\n${summaryOf(base, findings)}`;
}

function lineOf({ state, check, message, advice }: Finding): string {
  const line = `  ${SIGN[state].padEnd(WIDTH)}  ${check}: ${message}\n`;
  return advice === undefined ? line : `${line}${" ".repeat(WIDTH + 4)}-> ${advice}\n`;
}

function summaryOf(base: string, findings: readonly Finding[]): string {
  const of = (state: State) => findings.filter((finding) => finding.state === state);
  const [failures, warnings] = [of("failure"), of("warning")];
  if (failures.length + warnings.length === 0) return `All is well with ${base}.\n`;
  const total = `${count(failures.length, "failure")} and ${count(warnings.length, "warning")} in ${base}`;
  if (failures.length === 0) return `${total}.\n`;
  return `${total}. What fails:\n${failures.map(lineOf).join("")}`;
}

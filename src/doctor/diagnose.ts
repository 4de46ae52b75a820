import { ConfigError } from "../config/load.ts";
import { quoted } from "../lib/text.ts";
import { CHECKS } from "./checks.ts";
import { type Check, type Finding, failure, type Observation, STATES, type State, skipped } from "./finding.ts";
import { BaseFolderMissing, type DoctorOptions, readSituation, type Situation } from "./situation.ts";
import { withinTime } from "./within-time.ts";

/** Enough for a disk that is slow, and short enough to wait for. */
const DEFAULT_SECONDS = 15;
/** Of all checks together. */
const TOTAL_SECONDS = 180;
/** A message may quote a path or the words of another program. */
const MAX_MESSAGE = 2000;
/** Of one check: what is wrong with a hundred files is wrong with the others, too. */
const MAX_FINDINGS = 100;

/**
 * Looks at all that is known to go wrong, in the order of `CHECKS`, and yields what it finds. It works beside a running
 * server and without one, and changes nothing: no lock is taken, nothing is made or written. Whatever a check meets is a
 * finding. It takes at most three minutes.
 *
 * @throws the signal's reason
 */
export async function* diagnose(options: DoctorOptions): AsyncGenerator<Finding> {
  const end = performance.now() + TOTAL_SECONDS * 1000;
  const opened = await open(options);
  for (const check of CHECKS) {
    const { id, group } = check;
    const left = Math.min((check.seconds ?? DEFAULT_SECONDS) * 1000, end - performance.now());
    const more: State[] = [];
    let count = 0;
    for await (const observation of observe(check, opened, options, left)) {
      count += 1;
      if (count <= MAX_FINDINGS) yield { check: id, group, ...shown(observation) };
      else more.push(observation.state);
    }
    if (more.length > 0) yield { check: id, group, ...summaryOf(more) };
  }
}

function shown({ state, message, advice }: Observation): Observation {
  const said = { state, message: quoted(message, MAX_MESSAGE) };
  return advice === undefined ? said : { ...said, advice: quoted(advice, MAX_MESSAGE) };
}

/** As bad as the worst of them. */
function summaryOf(states: readonly State[]): Observation {
  const state = STATES[Math.max(...states.map((one) => STATES.indexOf(one)))] ?? "ok";
  const message = `and ${states.length} more`;
  const isFine = state === "ok" || state === "skipped";
  return isFine ? { state, message } : { state, message, advice: "do what the others say, and look again" };
}

/** What the checks look at; why not, where the settings can't be used. */
async function open(options: DoctorOptions): Promise<Situation | Unusable> {
  try {
    return await readSituation(options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { reason: error.message, advice: error instanceof BaseFolderMissing ? NAME_THE_BASE : CORRECT };
  }
}

interface Unusable {
  readonly reason: string;
  readonly advice: string;
}

const CORRECT = "correct it: the server does not start like this";
const NAME_THE_BASE =
  "name the folder that has the engine's etc/ and plugins/, with --base or KuiperBaseKey: the server would make this one, and start with nothing in it";

async function* observe(
  check: Check,
  opened: Situation | Unusable,
  { offline, signal }: DoctorOptions,
  ms: number,
): AsyncIterable<Observation> {
  if ("reason" in opened) {
    yield check.id === "settings" ? failure(opened.reason, opened.advice) : skipped("the settings can't be used");
  } else if (offline && check.isOnline) yield skipped("plugin hosts are not asked (--offline)");
  else if (ms <= 0) yield skipped(`all checks together have taken ${TOTAL_SECONDS} s`);
  else yield* withinTime((limited) => check.run(opened, limited), ms, signal);
}

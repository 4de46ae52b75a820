import type { EngineState, JobState, Signature, Verdict } from "../api/shapes.ts";
import { t } from "../i18n/index.ts";
import { Badge, type Tone } from "./badge.tsx";
import type { IconName } from "./icon.tsx";

type Look = readonly [Tone, IconName];

const VERDICT: Readonly<Record<Verdict | "off", Look>> = {
  compatible: ["good", "check"],
  incompatible: ["bad", "cross"],
  unknown: ["warn", "question"],
  off: ["quiet", "dash"],
};

/** @param verdict null where the check is switched off */
export function VerdictBadge({
  verdict,
  reason,
}: {
  readonly verdict: Verdict | null;
  readonly reason?: string | undefined;
}) {
  const [tone, icon] = VERDICT[verdict ?? "off"];
  return (
    <Badge tone={tone} icon={icon} title={reason}>
      {t(`verdict.${verdict ?? "off"}`)}
    </Badge>
  );
}

const STATE: Readonly<Record<EngineState, Look>> = {
  loaded: ["good", "plug"],
  "restart-required": ["info", "clock"],
  failed: ["bad", "cross"],
  unknown: ["quiet", "question"],
};

export function EngineBadge({ state, reason }: { readonly state: EngineState; readonly reason?: string | undefined }) {
  const [tone, icon] = STATE[state];
  return (
    <Badge tone={tone} icon={icon} title={reason}>
      {t(`state.${state}`)}
    </Badge>
  );
}

const SIGNATURE: Readonly<Record<Signature["state"], Look>> = {
  verified: ["good", "shield"],
  unsigned: ["warn", "dash"],
  "not-asked": ["quiet", "dash"],
};

export function SignatureBadge({ signature }: { readonly signature: Signature }) {
  const [tone, icon] = SIGNATURE[signature.state];
  const { by } = signature;
  return (
    <Badge tone={tone} icon={icon}>
      {by === undefined ? t(`signature.${signature.state}`) : t("signature.verifiedBy", { by })}
    </Badge>
  );
}

const JOB: Readonly<Record<JobState, Look>> = {
  waiting: ["quiet", "clock"],
  running: ["info", "restart"],
  done: ["good", "check"],
  failed: ["bad", "cross"],
  cancelled: ["quiet", "dash"],
  interrupted: ["warn", "alert"],
};

export function JobBadge({ state }: { readonly state: JobState }) {
  const [tone, icon] = JOB[state];
  return (
    <Badge tone={tone} icon={icon}>
      {t(`jobState.${state}`)}
    </Badge>
  );
}

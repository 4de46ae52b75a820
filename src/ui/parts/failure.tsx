import type { ApiFailure } from "../api/failure.ts";
import { known } from "../i18n/index.ts";
import { Banner } from "./banner.tsx";

/** A failure that stays on the screen. */
export function Failure({ failure }: { readonly failure: ApiFailure }) {
  return (
    <Banner tone="bad" title={known(`failure.${failure.code}`) ?? failure.code}>
      <p>{failure.message}</p>
    </Banner>
  );
}

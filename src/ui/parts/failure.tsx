import type { ApiFailure } from "../api/failure.ts";
import { known } from "../i18n/index.ts";
import { Banner } from "./banner.tsx";
import { CopyButton } from "./copy-button.tsx";

/** A failure, which stays on the screen: what it is, the server's own words for the cause, and what to do next. */
export function Failure({ failure }: { readonly failure: ApiFailure }) {
  const { code, status, message } = failure;
  const next = known(`failure.${code}.next`);
  return (
    <Banner
      tone="bad"
      title={known(`failure.${code}`) ?? code}
      actions={<CopyButton text={detailsOf({ code, status, message })} />}
    >
      {message !== "" && <p class="mono wraps">{message}</p>}
      {next !== undefined && <p>{next}</p>}
    </Banner>
  );
}

/** For a report: in one line, whatever the language of the page. */
function detailsOf({ code, status, message }: Pick<ApiFailure, "code" | "status" | "message">): string {
  return `${code}${status === 0 ? "" : ` (${status})`}: ${message}`;
}

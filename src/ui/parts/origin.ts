import { UPLOAD, UPLOAD_OF } from "../../domain/origin.ts";
import { t } from "../i18n/index.ts";

/** Where a plugin came from: an address as it is, the server's own words in the page's language. */
export function originWords(origin: string | null | undefined): string {
  if (origin === null || origin === undefined) return t("origin.none");
  if (origin === UPLOAD) return t("origin.upload");
  return origin.startsWith(UPLOAD_OF) ? t("origin.uploadOf", { name: origin.slice(UPLOAD_OF.length) }) : origin;
}

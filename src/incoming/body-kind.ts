/** How a body that may be or contain a file is sent: as JSON, as a form, or as the file itself. */
type BodyKind = "json" | "form" | "file";

interface BodyFacts {
  /** As `mediaTypeOf` has it. */
  readonly mediaType: string | undefined;
  /** Whether that type is one of those that a file comes with. */
  readonly isFileType: boolean;
  /** Whether the query has a name for what is sent: only clients that send a file do that. */
  readonly isNamed: boolean;
}

/** The media types that programs send a zip with. */
export const ZIP_TYPES: readonly string[] = ["application/zip", "application/x-zip-compressed", "application/x-zip"];
export const BINARY_TYPE = "application/octet-stream";
const FORM_TYPE = "multipart/form-data";

/** Of the first entry of a zip, and of the end of a zip without entries. */
const ZIP_SIGNATURES: readonly Buffer[] = [Buffer.from("PK\x03\x04"), Buffer.from("PK\x05\x06")];
/** More leading whitespace than this is not JSON. */
const MAX_SPACE = 1024;

/** The media type of a Content-Type header: lower case, without parameters. */
export function mediaTypeOf(contentType: string | undefined): string | undefined {
  return contentType?.split(";")[0]?.trim().toLowerCase();
}

export function isForm(mediaType: string | undefined): boolean {
  return mediaType === FORM_TYPE;
}

/** Whether `kindOf` needs no more than these first bytes. */
export function isEnoughForKind(head: Buffer): boolean {
  const mayBecomeZip = ZIP_SIGNATURES.some((signature) => head.length < 4 && signature.indexOf(head) === 0);
  return !mayBecomeZip && (firstVisible(head) !== undefined || head.length >= MAX_SPACE);
}

/** The bytes count more than the media type, since a body of any type has always been taken for JSON. */
export function kindOf(head: Buffer, { mediaType, isFileType, isNamed }: BodyFacts): BodyKind {
  if (ZIP_SIGNATURES.some((signature) => head.subarray(0, 4).equals(signature))) return "file";
  if (isFileType && isNamed) return "file";
  const first = firstVisible(head);
  if (first === undefined || first === "{") return "json";
  if (isForm(mediaType)) return "form";
  return isFileType ? "file" : "json";
}

/** The first character that is neither whitespace nor a part of a byte order mark or of UTF-16. */
function firstVisible(head: Buffer): string | undefined {
  return /[^\s\xef\xbb\xbf\xfe\xff\0]/.exec(head.toString("latin1"))?.[0];
}

/** How a body that may be or have a file is sent: as JSON, as a form, or as the file itself. */
export type BodyKind = "json" | "form" | "file";

export interface BodyFacts {
  /** Lower case, without parameters; undefined where none is announced. */
  readonly mediaType: string | undefined;
  /** Whether that type is one of those that a file comes with. */
  readonly isFileType: boolean;
  /** Whether the query names what is sent, as only those do who send a file. */
  readonly isNamed: boolean;
}

const FORM = "multipart/form-data";
/** Of the first entry of a zip, and of the end of one that has none. */
const ZIP_SIGNATURES: readonly Buffer[] = [Buffer.from("PK\x03\x04"), Buffer.from("PK\x05\x06")];
/** Who begins with more white space than this sends no JSON object. */
const MAX_SPACE = 1024;

export function isForm(mediaType: string | undefined): boolean {
  return mediaType === FORM;
}

/** Whether the first bytes tell what kind of body it is. */
export function tellsKind(head: Buffer): boolean {
  const mayBecomeZip = ZIP_SIGNATURES.some((signature) => head.length < 4 && signature.indexOf(head) === 0);
  return !mayBecomeZip && (firstVisible(head) !== undefined || head.length >= MAX_SPACE);
}

/** What a body is: the bytes count more than the announcement, since any content type has always been taken for JSON. */
export function kindOf(head: Buffer, { mediaType, isFileType, isNamed }: BodyFacts): BodyKind {
  if (ZIP_SIGNATURES.some((signature) => head.subarray(0, 4).equals(signature))) return "file";
  if (isFileType && isNamed) return "file";
  const first = firstVisible(head);
  if (first === undefined || first === "{") return "json";
  if (isForm(mediaType)) return "form";
  return isFileType ? "file" : "json";
}

/** The first character that is neither a byte order mark nor white space. */
function firstVisible(head: Buffer): string | undefined {
  return /[^\s\xef\xbb\xbf\0]/.exec(head.toString("latin1"))?.[0];
}

/** One part of a form (`multipart/form-data`). */
export interface FormPart {
  readonly name: string;
  readonly content: string | Buffer;
  /** Makes it a file. */
  readonly fileName?: string;
  readonly type?: string;
  /** In the place of all headers. */
  readonly head?: string;
}

export const BOUNDARY = "----boundary7MA4YWxkTrZu0gW";
export const FORM_HEADERS = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };

/** A form as clients send it. */
export function buildForm(parts: readonly FormPart[]): Buffer {
  const pieces = parts.flatMap((part) => [Buffer.from(`--${BOUNDARY}\r\n${headOf(part)}\r\n\r\n`), contentOf(part)]);
  return Buffer.concat([...pieces, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

function headOf({ name, fileName, type, head }: FormPart): string {
  if (head !== undefined) return head;
  const file = fileName === undefined ? "" : `; filename="${fileName}"`;
  const typeLine = type === undefined ? "" : `\r\nContent-Type: ${type}`;
  return `Content-Disposition: form-data; name="${name}"${file}${typeLine}`;
}

function contentOf({ content }: FormPart): Buffer {
  return Buffer.concat([Buffer.from(content), Buffer.from("\r\n")]);
}

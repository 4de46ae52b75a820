import { token } from "./access.ts";
import { apiUrl, call, refused, requestHeaders } from "./client.ts";
import { serverAnswered, serverIsAway } from "./connection.ts";
import { ApiFailure } from "./failure.ts";

/** A zip that waits in the server's folder of uploads until it is installed. */
export interface Upload {
  /** Its name in that folder. */
  readonly name: string;
  /** Its `file:` URL, for an inspection and an install. */
  readonly url: string;
}

interface UploadOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Sends a file to the server. fetch tells nothing of how much of a body was sent; XMLHttpRequest does.
 *
 * @throws ApiFailure; the signal's reason
 */
export function upload(file: File, { signal, onProgress }: UploadOptions): Promise<Upload> {
  const name = uniqueName(file.name);
  const form = new FormData();
  form.append("uploadFile", file, name);
  const usedToken = token.value;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", apiUrl("/config/uploads"));
    for (const [header, value] of Object.entries(requestHeaders())) request.setRequestHeader(header, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
    request.onload = () => {
      const { status, responseText } = request;
      if (status !== 201) return reject(refused(status, responseText, usedToken));
      serverAnswered();
      resolve({ name, url: fileUrl(responseText.trim()) });
    };
    request.onerror = () => {
      serverIsAway();
      reject(new ApiFailure("NO_ANSWER", 0, ""));
    };
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** Never fails: what is left there can be deleted by anybody, at any time. */
export async function discardUpload(name: string): Promise<void> {
  await call(`/config/uploads/${encodeURIComponent(name)}`, { method: "DELETE" }).catch(() => {});
}

/** Another file of that name, of whoever, stays as it is. */
function uniqueName(fileName: string): string {
  const stem = fileName
    .replace(/\.zip$/i, "")
    .replace(/[^A-Za-z0-9@._-]/g, "_")
    .replace(/^[._]+/, "")
    .slice(0, 80);
  const number = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${stem || "plugin"}-${number.toString(36)}.zip`;
}

/** @param path absolute, on the server */
function fileUrl(path: string): string {
  return `file://${path.split("/").map(encodeURIComponent).join("/")}`;
}

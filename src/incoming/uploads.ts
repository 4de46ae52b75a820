import { writeFile } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import { type ErrorCode, PluginError } from "../domain/errors.ts";
import type { ReceivedZip } from "../domain/install-request.ts";
import { checkUri, type PluginUri } from "../domain/plugin-uri.ts";
import { moveFile } from "../lib/files.ts";
import { type SizeLimit, settingLimit } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";
import { checkUploadName, type Making, type UploadFolder } from "./upload-folder.ts";

/** The engine need not run as our user. */
const FOR_ALL = 0o644;
/** A copy of a file of the server must not be more readable than the file and the folders above it. */
const FOR_US = 0o600;

interface FetchOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly limit: SizeLimit;
}

/** Downloads into a file that does not exist yet, completely or not at all. */
interface Fetcher {
  download(uri: PluginUri, file: string, options: FetchOptions): Promise<unknown>;
}

interface UploadsOptions {
  readonly folder: UploadFolder;
  readonly config: Pick<Config["uploads"], "maxBytes" | "maxTotalBytes" | "maxFiles" | "maxConcurrent">;
  readonly fetcher: Fetcher;
}

/** What a client sent, not validated: a name, and exactly one of the others. */
interface UploadRequest {
  readonly name?: string | null;
  readonly content?: string | null;
  readonly base64?: string | null;
  /** An `http`, `https` or `file` URL. */
  readonly file?: string | null;
  readonly zip?: ReceivedZip | undefined;
}

/** The files that clients upload for later: configuration, certificates, plugins to install with `file://`. */
export class Uploads {
  readonly #options: UploadsOptions;
  #fetching = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Absolute paths, in alphabetical order. @throws PluginError STORAGE_FAILED */
  list(): Promise<string[]> {
    return this.#options.folder.list();
  }

  /**
   * Refuses a file before it is received.
   *
   * @param bytes its size, if that is known
   * @throws PluginError BODY_INVALID, NAME_INVALID, BODY_TOO_LARGE, STORAGE_FULL
   */
  async admit(name: string | null | undefined, bytes = 0): Promise<void> {
    const { folder, config } = this.#options;
    const { maxTotalBytes, maxFiles } = config;
    const checked = checkName(name);
    const limit = this.#limit("BODY_TOO_LARGE");
    if (bytes > limit.bytes) throw limit.exceeded(bytes);
    const others = await folder.usageWithout(checked);
    if (others.files >= maxFiles) {
      throw new PluginError("STORAGE_FULL", `there are ${others.files} files (uploads.maxFiles); delete some first`);
    }
    if (others.bytes + bytes > maxTotalBytes) {
      const total = `all files together would have more bytes than uploads.maxTotalBytes (${maxTotalBytes}) allows`;
      throw new PluginError("STORAGE_FULL", `${total}; delete some first`);
    }
  }

  /**
   * Stores a file, in the place of one of the same name.
   *
   * @returns its absolute path
   * @throws PluginError with the reason; a file of that name is then what it was
   */
  async put(request: UploadRequest, options: Pick<FetchOptions, "signal" | "log">): Promise<string> {
    const name = checkName(request.name);
    const making = this.#makingOf(request, options);
    await this.admit(name);
    const path = await this.#options.folder.put(name, making, (bytes) => this.admit(name, bytes));
    options.log.info({ path }, "file uploaded");
    return path;
  }

  /** @throws PluginError NAME_INVALID, UPLOAD_NOT_FOUND, STORAGE_FAILED */
  async remove(name: string, log: Log): Promise<void> {
    await this.#options.folder.remove(checkUploadName(name));
    log.info({ name }, "uploaded file deleted");
  }

  #makingOf(request: UploadRequest, options: Pick<FetchOptions, "signal" | "log">): Making {
    const { content, base64, file, zip } = request;
    const contents = [content, base64, file, zip].filter((one) => one !== undefined && one !== null);
    if (contents.length !== 1) throw missing("just one of content, base64 and file is required");
    if (zip !== undefined) return { fill: (path) => moveFile(zip.file, path), mode: FOR_ALL };
    if (typeof file === "string") {
      const uri = checkUri(file);
      const mode = uri.url.protocol === "file:" ? FOR_US : FOR_ALL;
      return { fill: (path) => this.#fetch(uri, path, options), mode };
    }
    const bytes = typeof content === "string" ? Buffer.from(content) : decoded(base64 ?? "");
    return { fill: (path) => writeFile(path, bytes, { flag: "wx", mode: FOR_US }), mode: FOR_ALL };
  }

  async #fetch(uri: PluginUri, path: string, options: Pick<FetchOptions, "signal" | "log">): Promise<void> {
    const { fetcher, config } = this.#options;
    const { maxConcurrent } = config;
    if (this.#fetching >= maxConcurrent) {
      const files = `${maxConcurrent} files are being fetched already (uploads.maxConcurrent)`;
      throw new PluginError("TOO_BUSY", `${files}; try again in a moment`);
    }
    this.#fetching += 1;
    try {
      await fetcher.download(uri, path, { ...options, limit: this.#limit("DOWNLOAD_FAILED") });
    } finally {
      this.#fetching -= 1;
    }
  }

  #limit(code: ErrorCode): SizeLimit {
    const { maxBytes } = this.#options.config;
    return settingLimit("uploads.maxBytes", maxBytes, (message) => new PluginError(code, message));
  }
}

/** @throws PluginError BODY_INVALID, NAME_INVALID */
function checkName(name: string | null | undefined): string {
  if (name === undefined || name === null || name === "") throw missing("name is required");
  return checkUploadName(name);
}

/** @throws PluginError BODY_INVALID where it was cut: one digit alone is no byte, and would be left out */
function decoded(base64: string): Buffer {
  if (base64.replace(/[\s=]/g, "").length % 4 === 1) {
    throw new PluginError("BODY_INVALID", "field base64 should be base64, this was cut off");
  }
  return Buffer.from(base64, "base64");
}

/** With the message of a later engine. */
function missing(what: string): PluginError {
  return new PluginError("BODY_INVALID", `missing necessary field: ${what}`);
}

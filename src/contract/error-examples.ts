import type { ErrorCode } from "./errors.ts";

/** What each error says, in the words of this server, without the prefix that its call has. */
export const ERROR_EXAMPLES: Readonly<Record<ErrorCode, string>> = {
  BODY_INVALID: "field name should be a string",
  BODY_TOO_LARGE: "the body is larger than 1048576 bytes (http.maxBodyBytes)",
  NAME_INVALID: "invalid name prebuild: is reserved, choose another one",
  NAME_TAKEN: "invalid name random: duplicate",
  NAME_MARKED_DELETED:
    "invalid name random: the plugin is marked as deleted but Kuiper is not restarted for the change to take effect yet",
  URI_INVALID: "invalid uri x: it has no scheme; it should begin with http://, https:// or file:///",
  DOWNLOAD_FAILED:
    "fail to download file https://files.example/random.zip: cannot download the file with status: 404 Not Found",
  CHECKSUM_MISMATCH:
    "fail to verify file https://files.example/random.zip: its sha256 is 2c26b46b68ffc68f, the request asks for " +
    "fcde2b2edba56bf4; nothing was unpacked. Check which one is correct",
  SIGNATURE_INVALID:
    "fail to verify file https://files.example/random.zip: the signed statement is not about a plugin: " +
    "its predicateType should be urn:kuiper-plugin-server:plugin:v1",
  SIGNATURE_REQUIRED:
    "fail to verify file upload: it came without a signature, and trust.require refuses plugins without one. " +
    "Sign the zip by a key of etc/trust, and give the signature in the request",
  DOWNGRADE_REFUSED:
    "version 1.0.0 is lower than the installed version 1.1.0, and trust.require is set; " +
    'send "allowDowngrade": true if you want it',
  ARCHIVE_INVALID: "fail to unzip file https://files.example/random.zip: zip: not a valid zip file (6 bytes, text)",
  SCRIPT_ABSENT:
    "fail to unzip file https://files.example/random.zip: have shell parameters : [x] but no install.sh file",
  SCRIPT_INVALID:
    "fail to unzip file https://files.example/random.zip: install.sh has Windows line ends (CRLF, first in line 1); " +
    "save it with Unix line ends and zip it again",
  SCRIPT_FAILED:
    "fail to unzip file https://files.example/random.zip: install.sh failed: exit status 2: install.sh printed nothing",
  PLUGIN_INCOMPATIBLE:
    "the engine would not load this plugin: it is built for arm64, the engine for amd64; " +
    "engine.verify: warn would install it all the same",
  FUNCTION_NAME_TAKEN: "function name echo already exists (in plugin echo); the names are unique across all plugins",
  UPLOAD_INVALID: "the upload broke off after 7 bytes; send it again",
  REQUEST_INVALID: "parameter limit should be a number from 1 to 1000",
  UNAUTHENTICATED: "a token is needed: send it as `Authorization: Bearer <token>`",
  CROSS_SITE_REFUSED:
    "a page of another site (http://page.example) may not do this; list its origin in http.allowedOrigins to allow it",
  FORBIDDEN: "the token does not allow to write: its scope lacks the word write",
  PLUGIN_NOT_FOUND: "not found",
  VERSION_NOT_FOUND: "no version 3.0.0 is kept; there is 1.0.0 (id 0f3a4c)",
  UPLOAD_NOT_FOUND: "there is no file random.zip",
  JOB_NOT_FOUND: "not found",
  LOG_NOT_FOUND: "the installed version has no install.sh, or it printed nothing",
  PAGE_NOT_FOUND: "404 page not found",
  METHOD_NOT_ALLOWED: "PUT is not allowed here; allowed are GET, HEAD, OPTIONS",
  REQUEST_TIMEOUT: "the request took too long to arrive (http.requestTimeoutSeconds)",
  CANCELLED: "the install was cancelled",
  JOB_ENDED: "the job has already ended: done",
  PLUGIN_IN_USE:
    "rule rule1 uses it, and engine.protectUsed is set; change these first, or repeat the request with ?force=1",
  STORAGE_FAILED:
    "the server cannot write its files: its user may not use plugins (EACCES); give that folder to the user that runs the server; see the server's log",
  INTERNAL: "internal error; see the server's log",
  NOT_SUPPORTED:
    "engine.restart is none, so this server can't restart the engine; " +
    "set engine.restart to stop, or to a command such as [systemctl, restart, kuiper]",
  PLUGIN_HOSTS_FAILED: "no plugin host answered: https://files.example: no answer within 10 s",
  ENGINE_UNREACHABLE: "the engine at http://127.0.0.1:9082 (engine.url) can't be reached: it refused the connection",
  ENGINE_REFUSED: "the engine answers /rules with what is no list",
  ENGINE_RESTART_FAILED: "the engine was not restarted: the engine answers POST /stop with 500 Internal Server Error",
  SHUTTING_DOWN: "the server is shutting down; try again when it is back",
  INTERRUPTED:
    "the server ended during the install, which was undone when it started again: everything is as before; try again",
  TOO_BUSY: "too many plugins are being changed at the moment; try again later",
  STORAGE_FULL: "there is no space left on the server's disk (plugins); free some and try again",
};

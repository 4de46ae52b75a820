/** The headers of replies that programs read, besides those that any reply may have. */
export const HEADERS = {
  job: {
    description: "The job of the change: `/jobs/ID`. With `?restart=1`, that of the engine's restart",
    example: "/jobs/5f0c…",
  },
  location: { description: "Where it is", example: "/jobs/5f0c…" },
  link: { description: "The next page, where there are older jobs", example: '</jobs?limit=100&cursor=7>; rel="next"' },
  "plugin-activation": {
    description: "Whether the engine has loaded the plugin: `loaded`, or `restart-required`, some with a reason",
    example: "restart-required",
  },
  "plugin-compatibility": {
    description: "The verdict: `compatible`, `incompatible` or `unknown`, with a reason where there is one",
    example: 'incompatible; reason="built for arm64"',
  },
  "plugin-used-by": { description: "The rules that use the plugin", example: '"rule1", "rule2"' },
  "plugin-hosts-failed": { description: "The hosts that did not answer", example: "https://files.example" },
  "plugin-hosts-empty": {
    description: "The pages that have no plugin for this system",
    example: "https://files.example/kuiper-plugins/1.0.2/debian/sources",
  },
  "preference-applied": { description: "That the change goes on as a job", example: "respond-async" },
  "retry-after": { description: "Seconds", example: "5" },
  "x-request-id": { description: "The request's id in the log and in the audit", example: "m3x1k2-7" },
  "www-authenticate": { description: "How to authenticate", example: 'Bearer realm="kuiper"' },
  etag: { description: "Which version of the file this is", example: 'W/"1f7-1a21ad08d0b"' },
  "last-modified": { description: "When the file was built", example: "Fri, 27 Nov 2026 02:23:24 GMT" },
  "accept-ranges": { description: "That parts of the file can be asked for", example: "bytes" },
  "content-range": { description: "Which part of the file this is, or how long the file is", example: "bytes 0-4/503" },
  "content-encoding": { description: "How the file is compressed", example: "br" },
  "content-security-policy": { description: "What the page may load and ask", example: "default-src 'none'" },
  "referrer-policy": { description: "What the page tells others of its address", example: "no-referrer" },
  "cross-origin-opener-policy": { description: "Which pages may reach into this one", example: "same-origin" },
} as const;

export type HeaderName = keyof typeof HEADERS;

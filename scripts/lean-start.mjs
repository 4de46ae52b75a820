// What a start need not load: an esbuild plugin that replaces modules of packages, and puts off others to their first use.
import { createRequire, isBuiltin } from "node:module";

const require = createRequire(import.meta.url);

/** Loaded when something of theirs is first used. Their exports must be plain properties, not read while modules load. */
const LATER = [
  "node:child_process",
  "node:crypto",
  "node:dns",
  "node:https",
  "node:tls",
  "node:zlib",
  "semver",
  "yaml",
  "yauzl",
];

const UNUSED = 'throw new Error("this module is not part of the bundle");';

/** What packages load although this server never uses it, or one thing of it. */
const REPLACED = {
  "@fastify/ajv-compiler": UNUSED, // schemas are compiled by TypeBox, see http/app.ts
  "@fastify/fast-json-stringify-compiler": UNUSED, // no reply has a schema
  "light-my-request": UNUSED, // app.inject, for tests
  "node:http2": "",
  "thread-stream": "", // pino's transports: this thread writes the log
  "node:worker_threads": "exports.isMainThread = true;",
  "node:perf_hooks": `exports.performance = { now: () => { const [s, ns] = process.hrtime(); return s * 1000 + ns / 1e6; } };`,
  "node:assert": 'module.exports = (ok, message) => ok || process.getBuiltinModule("node:assert")(ok, message);',
};

export const leanStart = {
  name: "lean-start",
  setup({ onResolve, onLoad }) {
    const names = [...LATER, ...Object.keys(REPLACED)].map((name) => name.replace("node:", "(node:)?"));
    onResolve({ filter: new RegExp(`^(${names.join("|")})$`) }, ({ path, importer, namespace }) => {
      if (namespace !== "file") return undefined; // the module itself, see `loadedLater`
      const name = isBuiltin(path) ? `node:${path.replace("node:", "")}` : path;
      if (!LATER.includes(name) && !importer.includes("node_modules")) return undefined; // ours gets what it asks for
      return { path: name, namespace: "lean-start" };
    });
    onLoad({ filter: /.*/, namespace: "lean-start" }, ({ path }) => ({
      contents: REPLACED[path] ?? loadedLater(path),
      resolveDir: process.cwd(),
    }));
  },
};

function loadedLater(name) {
  const keys = JSON.stringify(Object.keys(require(name)));
  return `let loaded;
  for (const key of ${keys}) {
    Object.defineProperty(exports, key, { get: () => (loaded ??= require("${name}"))[key], enumerable: true });
  }`;
}

/**
 * What packages load at every start although this server uses it rarely or never. Together that is a third of the bundle
 * and of the time to the first reply.
 */
const REPLACEMENTS = {
  // Never used; calling them throws.
  "@fastify/ajv-compiler": unused("@fastify/ajv-compiler"), // schemas are compiled by TypeBox, see http/app.ts
  "@fastify/fast-json-stringify-compiler": unused("@fastify/fast-json-stringify-compiler"), // replies have no schema
  "light-my-request": unused("light-my-request"), // app.inject, for tests
  "thread-stream": unused("thread-stream"), // pino's transports; the log is written by this thread
  http2: unused("http2"),
  worker_threads: "exports.isMainThread = true;", // all that pino asks for

  // Loaded by the first call.
  https: 'exports.createServer = (...args) => process.getBuiltinModule("https").createServer(...args);',
  assert: 'module.exports = (ok, message) => ok || process.getBuiltinModule("assert")(ok, message);',
  semver: `for (const name of ["gt", "coerce", "satisfies"]) {
    exports[name] = (...args) => require("semver-itself")[name](...args);
  }`,
  perf_hooks: "exports.performance = { now: () => performance.now() };", // the global one loads the module
};

function unused(name) {
  return `module.exports = () => { throw new Error("${name} is not part of this bundle"); };`;
}

const NAMES = Object.keys(REPLACEMENTS).join("|");

/** An esbuild plugin. Only packages get the replacements; our own code imports what it needs. */
export const leanPackages = {
  name: "lean-packages",
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: new RegExp(`^(node:)?(${NAMES})$`) }, ({ path, kind, namespace }) =>
      kind === "require-call" && namespace === "file" ? { path: path.replace(/^node:/, ""), namespace: "lean" } : undefined,
    );
    onResolve({ filter: /^semver-itself$/ }, ({ resolveDir }) => resolve("semver", { kind: "require-call", resolveDir, namespace: "lean" }));
    onLoad({ filter: /.*/, namespace: "lean" }, ({ path }) => ({ contents: REPLACEMENTS[path], resolveDir: process.cwd() }));
  },
};

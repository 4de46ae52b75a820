// Who may import whom: a room imports itself and the rooms in its row, nothing else. Checked by `npm run lint:rooms`
// (dependency-cruiser), with type-only imports counted. docs/architecture.md says what each room is for.
const ROOMS = {
  lib: [],
  domain: ["lib"],
  config: ["lib"],
  fetch: ["config", "domain", "lib"],
  store: ["domain", "lib"],
  inspect: ["config", "domain", "lib"],
  package: ["config", "domain", "lib"],
  auth: ["domain", "lib"],
  incoming: ["fetch", "config", "domain", "lib"],
  plugins: ["package", "inspect", "store", "fetch", "incoming", "config", "domain", "lib"],
  jobs: ["config", "domain", "lib"],
  engine: ["jobs", "plugins", "store", "config", "domain", "lib"],
  catalogue: ["fetch", "config", "domain", "lib"],
  metrics: ["domain", "lib"],
  contract: ["domain", "lib"],
  // With the catalogue, since a host is to be asked exactly as a listing asks it.
  doctor: ["catalogue", "fetch", "auth", "package", "inspect", "store", "plugins", "config", "domain", "lib"],
  cli: ["doctor", "contract", "plugins", "package", "inspect", "store", "config", "domain", "lib"],
  ui: ["contract", "domain"],
  http: [
    "metrics",
    "contract",
    "engine",
    "jobs",
    "catalogue",
    "plugins",
    "incoming",
    "auth",
    "config",
    "domain",
    "lib",
  ],
};

/** The files in src/ itself: the process and the composition root, which may use everything. */
const ROOT = "^src/[^/]+\\.ts$";

const room = (name) => `^src/${name}/`;

module.exports = {
  forbidden: [
    { name: "no-circle", severity: "error", from: {}, to: { circular: true } },
    { name: "root-is-on-top", severity: "error", from: { pathNot: ROOT }, to: { path: ROOT } },
    ...Object.entries(ROOMS).map(([name, allowed]) => ({
      name: `rooms-of-${name}`,
      comment: `${name} may import ${allowed.join(", ") || "no other room"}; see ROOMS`,
      severity: "error",
      from: { path: room(name) },
      to: { path: "^src/", pathNot: [name, ...allowed].map(room) },
    })),
    {
      name: "known-room",
      comment: "a folder in src/ is a room: give it a row in ROOMS",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: Object.keys(ROOMS).map(room) },
      to: {},
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    includeOnly: "^src/",
  },
};

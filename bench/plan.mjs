/** How much is measured. A round is one pair: ours, then what it is compared with. */
export const FULL = {
  name: "full",
  install: { megabytes: [50, 300], rounds: 7 },
  inspection: { engine: 60, plugin: 50, rounds: 15 },
  rollback: { megabytes: 300, rounds: 6 },
  memory: { megabytes: 300, rounds: 3 },
  list: { plugins: [3, 10_000], connections: 10, seconds: 3, rounds: 6 },
  passOn: { connections: 10, seconds: 3, rounds: 6 },
  small: { installs: 200, atOnce: 16, rounds: 3 },
  start: { plugins: [0, 10_000], rounds: 15 },
  commands: { rounds: 15 },
};

/** Every row in about a minute, to see that all of it works; the figures are rough. */
export const SHORT = {
  name: "short",
  install: { megabytes: [10, 60], rounds: 2 },
  inspection: { engine: 60, plugin: 50, rounds: 3 },
  rollback: { megabytes: 60, rounds: 2 },
  memory: { megabytes: 60, rounds: 1 },
  list: { plugins: [3, 10_000], connections: 10, seconds: 1, rounds: 2 },
  passOn: { connections: 10, seconds: 1, rounds: 2 },
  small: { installs: 200, atOnce: 16, rounds: 1 },
  start: { plugins: [0, 10_000], rounds: 3 },
  commands: { rounds: 3 },
};

#!/usr/bin/env node
// Becomes dist/main.js: runs dist/server.js with what the build compiled of it, see compile-ahead.mjs.
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

const filename = `${__dirname}/server.js`;
let cachedData;
try {
  cachedData = readFileSync(`${__dirname}/server-${process.version}-${process.arch}.cache`);
} catch {} // of another Node: V8 compiles what it needs, as it does if it rejects the data, such as for its flags
new Script(readFileSync(filename, "latin1"), { filename, cachedData }).runInThisContext()(require);

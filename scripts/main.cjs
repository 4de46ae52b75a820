#!/usr/bin/env node
// Becomes dist/main.js and dist/kuiper-plugins.js: runs its bundle with what the build compiled of it, see
// compile-ahead.mjs.
const { readFileSync } = require("node:fs");
const { basename } = require("node:path");
const { Script } = require("node:vm");

const bundle = basename(__filename) === "kuiper-plugins.js" ? "commands" : "server";
const filename = `${__dirname}/${bundle}.js`;
let cachedData;
try {
  cachedData = readFileSync(`${__dirname}/${bundle}-${process.version}-${process.arch}.cache`);
} catch {} // of another Node: V8 compiles what it needs, as it does if it rejects the data, such as for its flags
new Script(readFileSync(filename, "latin1"), { filename, cachedData }).runInThisContext()(require, __dirname);

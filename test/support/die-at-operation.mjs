// Loaded into the server with `node --import`: counts its file operations from the moment that it is told to, and ends
// the process, as a power button would, right before or right after the one whose number is in DIE_AT; or lets the one
// whose number is in FAIL_AT fail once with EIO, as a bad disk would.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const dieAt = Number(process.env.DIE_AT ?? 0);
const failAt = Number(process.env.FAIL_AT ?? 0);
const phase = process.env.DIE_PHASE ?? "before";
const countFrom = process.env.COUNT_FROM ?? "start";

let counting = countFrom === "start";
let count = 0;
process.on("SIGUSR2", () => {
  if (!counting) counting = true;
  else fs.writeSync(1, `{"operations":${count}}\n`);
});

const PROMISE_CALLS = [
  ...["open", "mkdir", "rename", "link", "symlink", "unlink", "rm", "rmdir", "copyFile"],
  ...["lstat", "stat", "readdir", "readFile", "writeFile", "chmod"],
];
const HANDLE_CALLS = ["write", "writeFile", "read", "readFile", "sync", "datasync", "chmod", "stat", "close"];

const handle = await fs.promises.open(process.execPath);
const handlePrototype = Object.getPrototypeOf(handle);
await handle.close();

for (const name of PROMISE_CALLS) wrap(fs.promises, name);
for (const name of HANDLE_CALLS) wrap(handlePrototype, name);
syncBuiltinESMExports();

function wrap(owner, name) {
  const original = owner[name];
  owner[name] = async function (...args) {
    if (!counting) return await original.apply(this, args);
    count += 1;
    const dies = count === dieAt;
    if (dies && phase === "before") die();
    if (count === failAt) throw Object.assign(new Error(`EIO: i/o error, ${name}`), { code: "EIO", errno: -5 });
    try {
      return await original.apply(this, args);
    } finally {
      if (dies) die(); // also when it failed: whether a file is there is asked by trying
    }
  };
}

function die() {
  process.kill(process.pid, "SIGKILL");
}

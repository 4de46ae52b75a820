// A thread that asks for /ping again and again, and tells the longest time that it waited since it was asked last. A
// thread, since what the others send must not delay it.
import { Agent, get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let longest = 0;

parentPort.on("message", () => {
  parentPort.postMessage(longest);
  longest = 0;
});
ask();

function ask() {
  const start = performance.now();
  const done = () => {
    longest = Math.max(longest, performance.now() - start);
    setTimeout(ask, 1);
  };
  get(`${workerData}/ping`, { agent }, (reply) => reply.resume().on("end", done)).on("error", done);
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { onTestFinished } from "vitest";
import { within } from "../../src/lib/within.ts";

/** A port of 127.0.0.1 whose queue of connections is full, so that the next one is never answered. */
export async function fullServer(): Promise<number> {
  const script = `require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
    process.stdout.write(String(this.address().port));
  });`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const port = Number((await once(child.stdout, "data"))[0]);
  child.kill("SIGSTOP");
  for (let answered = true; answered; ) {
    const socket = net.connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const connected = once(socket, "connect").then(() => true);
    answered = await within(connected, 200, false);
  }
  return port;
}

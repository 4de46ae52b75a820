import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";

/** Below it are ports that services have; browsers and fetch refuse 10080 as well. */
const LOWEST = 12_000;
/** Where the system takes ports from, if it does not say. */
const USUAL_RANGE = 32_768;
const TRIES = 100;
/** None is given twice: two that are asked for in turn are two. */
const given = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens on. It is none of those that the system gives to who asks for any port, or connects:
 * so it stays free until it is listened on, and between two processes that listen on it one after the other.
 */
export async function freePort(): Promise<number> {
  const end = await firstGiven();
  // A system may give almost all ports: then it is one of these.
  if (end <= LOWEST) return (await listenable(0)) ?? Promise.reject(new Error("there is no free port"));
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = await listenable(LOWEST + Math.floor(Math.random() * (end - LOWEST)));
    if (port === undefined || given.has(port)) continue;
    given.add(port);
    return port;
  }
  throw new Error(`of ${TRIES} ports from ${LOWEST} to ${end}, none is free`);
}

async function firstGiven(): Promise<number> {
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "");
  return Number(/^\d+/.exec(range)?.[0] ?? USUAL_RANGE);
}

/** The port, or any for 0; undefined where somebody else has it. */
async function listenable(wanted: number): Promise<number | undefined> {
  const server = createServer().listen(wanted, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
    throw error;
  }
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a listening socket has a port");
  return address.port;
}

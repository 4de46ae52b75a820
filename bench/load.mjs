import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { script } from "./processes.mjs";

/** How many requests a second a URL answers. @throws when one of them fails */
export async function requestsPerSecond(url, { connections, seconds }) {
  const args = [script("load"), url, String(connections), String(seconds)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { perSecond, failed } = JSON.parse(stdout);
  if (failed > 0) throw new Error(`${failed} requests to ${url} failed`);
  return perSecond;
}

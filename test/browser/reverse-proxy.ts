import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReverseProxyOptions {
  /** Where it has the server: it takes the folder's name off, and has nothing else. Default: at its root. */
  readonly folder?: string;
  /** Of which addresses a reply ends in the middle of its first part: nothing more comes. Default: of none. */
  readonly stalls?: (url: string) => boolean;
  /** What it answers itself, with that status and a page of its own. Default: nothing. */
  readonly refuses?: (url: string) => number | undefined;
}

interface ReverseProxy {
  readonly url: string;
  /** Pages are still there, and may be asking. */
  close(): void;
}

/** @param target the server's address, whenever it is asked */
export async function startReverseProxy(target: () => string, options: ReverseProxyOptions): Promise<ReverseProxy> {
  const { folder = "", stalls = () => false, refuses = () => undefined } = options;
  const held: ServerResponse[] = [];
  const proxy = createServer(({ url = "", method, headers }, response) => {
    if (!url.startsWith(`${folder}/`)) return response.writeHead(404).end();
    const path = url.slice(folder.length);
    const refusal = refuses(path);
    if (refusal !== undefined) {
      return response.writeHead(refusal, { "content-type": "text/html" }).end("<html>This is the proxy</html>");
    }
    // A connection for each: one that is kept may be closed by the server when it is used again.
    const asked = request(target() + path, { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (!stalls(path)) return answer.pipe(response);
      held.push(response);
      answer.once("data", (part: Buffer) => response.write(part.subarray(0, part.length - 1)));
      answer.on("error", () => {});
    });
    // A browser that leaves in the middle of an answer is no failure.
    asked.on("error", () => response.destroy());
    response.on("close", () => asked.destroy());
    return asked.end();
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${folder}`,
    close() {
      for (const response of held) response.destroy();
      proxy.close();
    },
  };
}

/** Answers to those addresses stall as long as somebody wants that. */
export class Stalls {
  isOn = false;
  /** How many have. */
  count = 0;
  readonly stalls: (url: string) => boolean;

  constructor(begin: string) {
    this.stalls = (url) => {
      const isHit = this.isOn && url.startsWith(begin);
      if (isHit) this.count += 1;
      return isHit;
    };
  }
}

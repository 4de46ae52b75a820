import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { startTestServer } from "../support/test-server.ts";
import { Program, waitForPing } from "./programs.ts";

/** A page that came through a real nginx with the headers that the README gives. */

const BROWSER = {
  host: "gateway.example",
  origin: "http://gateway.example",
  "sec-fetch-site": "same-origin",
  "sec-fetch-mode": "cors",
};

test.each([
  ["127.0.0.1", [200, 404]],
  ["127.0.0.2", [403, 403]],
])("http.trustedProxies %s: reads and writes %j", async (trusted, expected) => {
  const server = await startTestServer({ HTTP__TRUSTEDPROXIES: trusted });
  onTestFinished(() => server.dispose());
  const url = await startNginx(server.url);
  const read = await send(`${url}/plugins/sources`, { headers: BROWSER });
  const write = await send(`${url}/plugins/sources/none`, { method: "DELETE", headers: BROWSER });
  expect([read.status, write.status]).toEqual(expected);

  // What a page says by which site it came, nginx replaces.
  const evil = { ...BROWSER, origin: "http://evil.example", "x-forwarded-host": "evil.example" };
  expect((await send(`${url}/plugins/sources/none`, { method: "DELETE", headers: evil })).status).toBe(403);
});

async function startNginx(upstream: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "reverse-proxy-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "temp"));
  const port = await freePort();
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (use) => `${use}_temp_path ${folder}/temp/${use};`,
  );
  await writeFile(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
     events { worker_connections 64; }
     http {
       access_log off; ${temp.join(" ")}
       server {
         listen 127.0.0.1:${port};
         location / {
           proxy_pass ${upstream};
           proxy_set_header Host              $http_host;
           proxy_set_header X-Forwarded-Host  $http_host;
           proxy_set_header X-Forwarded-Proto $scheme;
         }
       }
     }`,
  );
  const command = ["/usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")] as const;
  const nginx = new Program(command, { cwd: folder, env: process.env });
  const url = `http://127.0.0.1:${port}`;
  await waitForPing(url, nginx);
  return url;
}

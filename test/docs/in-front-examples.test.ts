import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { loadConfig } from "../../src/config/load.ts";

/** What docs/examples/in-front claim: that the engine and this server find each other, and come back after a restart. */

const FOLDER = join(import.meta.dirname, "../../docs/examples/in-front");
const read = (name: string) => readFileSync(join(FOLDER, name), "utf8");

type Variables = Record<string, string>;

/** The settings that this server would have; a variable that nothing reads is a mistake in the example. */
function settingsOf(variables: Variables) {
  const { config, warnings } = loadConfig("/there/is/no/such/kuiper.yaml", variables);
  expect(warnings).toEqual([]);
  return config;
}

function expectInFront(server: Variables, engine: Variables, host = "127.0.0.1"): void {
  const { basic, engine: settings } = settingsOf(server);
  expect(basic.restPort).toBe(9081);
  expect(settings).toMatchObject({ url: `http://${host}:${engine.KUIPER__BASIC__RESTPORT}`, restart: "stop" });
  expect(engine.KUIPER__BASIC__RESTPORT).toBe("9082");
}

/** `A=b C=d` of a unit, `A="b",C="d"` of a supervisor section. */
function variablesIn(text: string): Variables {
  const lines = [...text.matchAll(/^environment=(.*)$/gim)].map(([, line = ""]) => line);
  const pairs = lines.flatMap((line) => [...line.matchAll(/(\w+)=("[^"]*"|[^\s,]+)/g)]);
  return Object.fromEntries(pairs.map(([, key = "", value = ""]) => [key, value.replaceAll('"', "")]));
}

test("systemd: both units have one base folder and one user, and the engine comes back after exit code 0", () => {
  const engine = read("kuiper.service");
  const server = read("kuiper-plugin-server.service");
  const [ours, theirs] = [variablesIn(server), variablesIn(engine)];
  expectInFront(ours, theirs);
  expect(ours.KuiperBaseKey).toBe(theirs.KuiperBaseKey);
  for (const unit of [engine, server]) expect(unit).toMatch(/^User=kuiper$/m);
  expect(engine).toMatch(/^Restart=always$/m);
  expect(server).toMatch(/^Restart=on-failure$/m);
  expect(server).toMatch(/^After=kuiper\.service$/m);
  expect(server).not.toMatch(/^(Requires|BindsTo|PartOf)=/m); // it must not end with the engine
});

test("supervisor: both programs have one base folder and one user, and the engine comes back after exit code 0", () => {
  const [, engine = "", server = ""] = read("supervisor.conf").split(/^\[program:.*\]$/m);
  const [ours, theirs] = [variablesIn(server), variablesIn(engine)];
  expectInFront(ours, theirs);
  expect(ours.KuiperBaseKey).toBe(theirs.KuiperBaseKey);
  expect(engine).toMatch(/^autorestart=true$/m);
  for (const program of [engine, server]) expect(program).toMatch(/^user=kuiper$/m);
});

describe("compose.yaml", () => {
  const { services, volumes } = parse(read("compose.yaml"), { merge: true });
  const { prepare, engine, "plugin-server": server } = services;
  const IMAGE = { KUIPER__BASIC__RESTPORT: "9081" };

  test("has the server in front of the engine", () => {
    expectInFront({ ...IMAGE, ...server.environment }, engine.environment, "engine");
    expect(server.ports).toEqual(["127.0.0.1:9081:9081"]);
    expect(engine.ports).toBeUndefined();
  });

  test("starts the engine again after exit code 0", () => {
    expect(engine.restart).toBe("always");
  });

  test("shares the engine's folders, which belong to the user of both", () => {
    for (const folder of ["etc", "plugins", "data"]) {
      const volume = `${folder}:/kuiper/${folder}`;
      for (const service of [prepare, engine, server]) expect(service.volumes).toContain(volume);
      expect(prepare.command[0]).toContain(`/kuiper/${folder}`);
    }
    for (const { user } of [engine, server]) expect(user).toBe("1001:1001");
    expect(prepare).toMatchObject({ image: engine.image, user: "root" });
    const named = [prepare, engine, server].flatMap((service) =>
      service.volumes.map((one: string) => one.split(":")[0]),
    );
    expect(Object.keys(volumes).sort()).toEqual([...new Set(named)].sort());
  });

  test("lets the server see the engine's binary", () => {
    const { binary } = settingsOf(server.environment).engine;
    expect(prepare.command[0]).toContain("cp -f /kuiper/bin/kuiperd /engine-bin/");
    expect(server.volumes).toContain("engine-bin:/engine-bin:ro");
    expect(binary).toBe("/engine-bin/kuiperd");
  });
});

describe("kubernetes.yaml", () => {
  const documents = parseAllDocuments(read("kubernetes.yaml")).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
  const [claim, deployment, service] = documents;
  const { spec } = deployment.spec.template;
  const [engine, server] = spec.containers;
  const variables = (container: { env: { name: string; value: unknown }[] }) =>
    Object.fromEntries(
      container.env.map(({ name, value }) => {
        expect(value, name).toBeTypeOf("string"); // a number is refused by Kubernetes
        return [name, value as string];
      }),
    );

  test("has the server in front of the engine, and only the server for others", () => {
    expectInFront({ KUIPER__BASIC__RESTPORT: "9081", ...variables(server) }, variables(engine));
    expect(server.ports).toEqual([{ name: "http", containerPort: 9081 }]);
    expect(server.readinessProbe.httpGet).toEqual({ path: "/ping", port: "http" });
    expect(engine.ports).toBeUndefined();
    expect(service.spec).toMatchObject({ selector: deployment.spec.selector.matchLabels });
    expect(deployment.spec.template.metadata.labels).toEqual(service.spec.selector);
    expect(service.spec.ports).toEqual([{ name: "http", port: 9081, targetPort: "http" }]);
  });

  test("starts the engine's container again, and waits long enough for that", () => {
    expect(spec.restartPolicy ?? "Always").toBe("Always");
    expect(settingsOf(variables(server)).engine.restartTimeoutSeconds).toBeGreaterThan(300);
    expect(deployment.spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
  });

  test("shares the engine's folders as user 1001", () => {
    expect(spec.securityContext).toMatchObject({ runAsUser: 1001, fsGroup: 1001 });
    for (const container of [engine, server]) {
      for (const folder of ["etc", "plugins", "data"]) {
        const mount = { name: "kuiper", mountPath: `/kuiper/${folder}`, subPath: folder };
        expect(container.volumeMounts).toContainEqual(mount);
      }
    }
    const volumes = spec.volumes.map(({ name }: { name: string }) => name);
    const mounted = [...spec.initContainers, ...spec.containers].flatMap((container) =>
      container.volumeMounts.map(({ name }: { name: string }) => name),
    );
    expect([...new Set(mounted)].sort()).toEqual([...volumes].sort());
    expect(spec.volumes[0].persistentVolumeClaim.claimName).toBe(claim.metadata.name);
  });
});

import { afterAll, beforeAll, expect, it } from "vitest";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { createDb, inTransaction, publish, streamVersion } from "../db/index.ts";
import { createLog, silentLog } from "../log/index.ts";
import { createGatewayWatch, joinNodes, reportVersions } from "./index.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(() => registry?.close());

const changeRoutes = () => inTransaction(registry.db, (tx) => publish(tx, "routes", async () => undefined));

/** A node with a gateway that stands where it is told to, until it is disposed of. */
async function gatewayNode() {
  const { db, notifications } = registry;
  const log = silentLog;
  const node = await joinNodes({ db, log, role: "api,gateway", version: "1", schemaVersion: 1 });
  let version = await streamVersion(db, "routes");
  const listeners = new Set<() => void>();
  const gateway = {
    version: () => version,
    onChange: (hear: () => void) => {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
  };
  const end = reportVersions({ db, notifications, log, gateway, nodeId: () => node.id });
  return {
    async apply() {
      version = await streamVersion(db, "routes");
      for (const hear of listeners) hear();
    },
    end,
    async [Symbol.asyncDispose]() {
      await end();
      await node.leave();
    },
  };
}

/** Patient enough that a test which waits for a gateway that never comes fails. */
function watchGateways({ patienceMs = 60_000, db = registry.db } = {}) {
  const said: string[] = [];
  const destination = { write: (line: string) => void said.push(line), close: async () => undefined };
  const watch = createGatewayWatch({ ...registry, db, log: createLog({ destination }), patienceMs });
  return { ...watch, warnings: () => said.map((line) => JSON.parse(line).msg as string) };
}

/** Whether it has resolved, ever again. */
function observe(promise: Promise<void>): () => boolean {
  let resolved = false;
  void promise.then(() => {
    resolved = true;
  });
  return () => resolved;
}

it("waits for nobody where there is no gateway", async () => {
  await changeRoutes();
  const watch = watchGateways();
  await watch.caughtUp();
  expect(watch.warnings()).toEqual([]);
});

it("waits until the last of several gateways has what stands in the registry at the call", async () => {
  await using first = await gatewayNode();
  await using second = await gatewayNode();
  const watch = watchGateways();
  await watch.caughtUp();
  await changeRoutes();
  const caughtUp = watch.caughtUp();
  const isOver = observe(caughtUp);
  await first.apply();
  await changeRoutes();
  await first.apply();
  expect(isOver()).toBe(false);
  await second.apply();
  await caughtUp;
  expect(watch.warnings()).toEqual([]);
});

it("gives a gateway that says nothing up when time is out, and waits for it again once it is heard", async () => {
  await using alive = await gatewayNode();
  await using silent = await gatewayNode();
  await changeRoutes();
  await alive.apply();
  const watch = watchGateways({ patienceMs: 300 });
  const startedAt = performance.now();
  await watch.caughtUp();
  expect(performance.now() - startedAt).toBeGreaterThan(290);
  expect(watch.warnings()).toEqual(["gateway.behind"]);
  // Given up: with all the patience of the world nobody waits for it.
  const patient = performance.now();
  for (let count = 0; count < 20; count += 1) await watch.caughtUp();
  expect(performance.now() - patient).toBeLessThan(20 * 290);
  await silent.apply();
  await changeRoutes();
  await alive.apply();
  await waitUntil("it is waited for again", async () => {
    const before = performance.now();
    await watch.caughtUp();
    return performance.now() - before > 290;
  });
});

it("doesn't wait for a gateway that has said good-bye, though its node is still there", async () => {
  await using leaving = await gatewayNode();
  const watch = watchGateways();
  await watch.caughtUp();
  await leaving.end();
  await changeRoutes();
  await watch.caughtUp();
  expect(watch.warnings()).toEqual([]);
});

it("doesn't reject while the registry is away", async () => {
  const db = createDb({ url: registry.url.replace(/:\d+\//, ":1/"), applicationName: "test" });
  const watch = watchGateways({ db });
  await watch.caughtUp();
  expect(watch.warnings()).toEqual(["gateways.unknown"]);
  await db.destroy();
});

it("a gateway of a node that hasn't joined yet says nothing, and answers once it has", async () => {
  const { db, notifications } = registry;
  const log = silentLog;
  let nodeId: string | undefined;
  const version = await streamVersion(db, "routes");
  const gateway = { version: () => version, onChange: () => () => undefined };
  const end = reportVersions({ db, notifications, log, gateway, nodeId: () => nodeId });
  const node = await joinNodes({ db, log, role: "gateway", version: "1", schemaVersion: 1 });
  nodeId = node.id;
  const watch = watchGateways();
  await watch.caughtUp();
  expect(watch.warnings()).toEqual([]);
  await end();
  await node.leave();
});

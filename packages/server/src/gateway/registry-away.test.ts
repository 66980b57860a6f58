import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDb, type Db } from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { fresh } from "../testing/fresh.ts";
import { type TestGateway, type TestUpstream, testGateway, testUpstream } from "../testing/gateway.ts";
import { getRequest, parseAnswer, rawConnection } from "../testing/raw-http.ts";
import { type TestRoutes, testRoutes } from "../testing/routes.ts";
import { shortest, waitUntil } from "../testing/wait-until.ts";
import { createRouteFollower } from "./route-follower.ts";
import { createRouteTable } from "./route-table.ts";

let registry: TestRoutes;
let application: TestUpstream;
let upstreamId: string;
let directory: string;
let relay: Relay;

beforeAll(async () => {
  registry = await testRoutes();
  application = await testUpstream((_request, response) => response.end("hello"));
  upstreamId = await registry.upstream([application.url]);
  await registry.routes(["acme.localhost"], { upstreamId });
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-snapshot-"));
  relay = await startRelay(registry.url);
});
afterAll(async () => {
  await relay?.stop();
  await application?.close();
  await registry?.close();
  await rm(directory, { recursive: true, force: true });
});

type Relay = {
  url: string;
  mode: "open" | "away" | "mute";
  cut(mode: "away" | "mute"): void;
  stop(): Promise<void>;
};

/** The way to the registry: open, away (refused and cut), or mute (accepted, but nothing comes back). */
async function startRelay(databaseUrl: string): Promise<Relay> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (relayed.mode === "away") near.destroy();
    if (relayed.mode !== "open") return;
    const far = keep(connect(Number(target.port), target.hostname));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    near.pipe(far);
    far.on("data", (data) => {
      if (relayed.mode === "open") near.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as { port: number }).port);
  const relayed: Relay = {
    url: url.href,
    mode: "open",
    cut(mode) {
      relayed.mode = mode;
      if (mode === "away") for (const socket of sockets) socket.destroy();
    },
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return relayed;
}

/** Whatever became of the way in another test. */
beforeEach(() => {
  relay.mode = "open";
});

async function statusOf(tested: TestGateway, host = "acme.localhost"): Promise<number> {
  const connection = rawConnection(tested.port);
  connection.write(getRequest("/").replace("acme.localhost", host));
  return parseAnswer(await connection.closed()).status;
}

function throughRelay(file: string): Promise<TestGateway> {
  return testGateway(
    { url: relay.url, version: () => registry.version() },
    { snapshotFile: path.join(directory, file) },
  );
}

test("no request asks the registry: under load there is the look at the version and nothing else", async () => {
  const asked: string[] = [];
  const db = createDb({ url: registry.url, applicationName: "test counted", maxConnections: 2 });
  const counted = db.withPlugin({
    transformQuery({ node }) {
      asked.push("sqlFragments" in node ? String(node.sqlFragments).trim() : node.kind);
      return node;
    },
    transformResult: async ({ result }) => result,
  }) as Db;
  const tested = await testGateway(registry, { db: counted });
  asked.length = 0;
  const startedAt = performance.now();
  const load = Array.from({ length: 8 }, async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      expect(await statusOf(tested)).toBe(200);
      await statusOf(tested, "nobody.localhost");
    }
  });
  await Promise.all(load);
  const seconds = (performance.now() - startedAt) / 1_000;
  await waitUntil("it was looked at the version meanwhile", () => asked.length > 0);
  expect(new Set(asked)).toEqual(
    new Set([
      "select version, forgotten_version as \"forgottenVersion\" from stream_versions where stream = 'routes'",
    ]),
  );
  expect(asked.length).toBeLessThanOrEqual(seconds * 2 + 2);
  await tested.stop();
  await db.destroy();
});

test("a change is live within a second", async () => {
  const tested = await testGateway(registry);
  const tookMs = await shortest(1_000, async () => {
    const live = `${fresh("live")}.localhost`;
    await registry.routes([live], { upstreamId });
    await waitUntil("the new host answers", async () => (await statusOf(tested, live)) === 200);
  });
  expect(tookMs).toBeLessThan(1_000);
  await tested.stop();
});

test("a gateway that loses the registry serves on, and catches up when it is back", async () => {
  const tested = await throughRelay("running.ndjson");
  await tested.caughtUp();
  relay.cut("away");
  await waitUntil("the loss is noticed", () => !tested.gateway.connected());
  expect(await statusOf(tested)).toBe(200);
  const meanwhile = `${fresh("meanwhile")}.localhost`;
  await registry.routes([meanwhile], { upstreamId });
  expect(await statusOf(tested, meanwhile)).toBe(404);
  relay.mode = "open";
  await waitUntil("it has caught up", async () => (await statusOf(tested, meanwhile)) === 200);
  expect(tested.gateway.connected()).toBe(true);
  await tested.stop();
});

test("a gateway that starts while the registry is away serves what it knew, and catches up later", async () => {
  const before = await throughRelay("start.ndjson");
  await registry.routes(["kept.localhost", "gone.localhost"], { upstreamId });
  await before.caughtUp();
  await before.stop();
  relay.cut("away");
  const tested = await throughRelay("start.ndjson");
  expect(tested.gateway.connected()).toBe(false);
  expect(await statusOf(tested, "kept.localhost")).toBe(200);
  expect(await statusOf(tested, "nobody.localhost")).toBe(404);
  await registry.removeRoutes(["gone.localhost"]);
  relay.mode = "open";
  await waitUntil("the deletion is known", async () => (await statusOf(tested, "gone.localhost")) === 404);
  expect(await statusOf(tested, "kept.localhost")).toBe(200);
  await tested.stop();
});

test("a snapshot that is not whole, or of another format, counts as none", async () => {
  const before = await throughRelay("whole.ndjson");
  await before.caughtUp();
  await before.stop();
  const whole = await readFile(path.join(directory, "whole.ndjson"), "utf8");
  const lines = whole.trimEnd().split("\n");
  const broken = [
    lines.slice(0, -1).join("\n"),
    whole.slice(0, -20),
    [lines[0], ...lines.slice(2)].join("\n"),
    whole.replace('"format":1', '"format":2'),
    "",
    "nonsense",
  ];
  relay.cut("away");
  for (const [at, text] of broken.entries()) {
    await writeFile(path.join(directory, `broken-${at}.ndjson`), text);
    const tested = await throughRelay(`broken-${at}.ndjson`);
    expect({ at, status: await statusOf(tested) }).toEqual({ at, status: 503 });
    await tested.stop();
  }
  await copyFile(path.join(directory, "whole.ndjson"), path.join(directory, "copy.ndjson"));
  const tested = await throughRelay("copy.ndjson");
  expect(await statusOf(tested)).toBe(200);
  await tested.stop();
  relay.mode = "open";
});

test("a registry that accepts and never answers doesn't hold the follower for ever", async () => {
  const db = createDb({ url: relay.url, applicationName: "test mute", maxConnections: 2 });
  const table = createRouteTable();
  const follower = createRouteFollower({
    db,
    table,
    log: silentLog,
    notifications: { on: () => () => undefined, close: async () => undefined },
    pollMs: 20,
    deadlineMs: 200,
  });
  await follower.start();
  expect(follower.connected()).toBe(true);
  relay.cut("mute");
  await waitUntil("the silence is noticed", () => !follower.connected());
  relay.cut("away");
  relay.mode = "open";
  await waitUntil("the registry is heard again", () => follower.connected());
  await follower.stop();
  await db.destroy();
});

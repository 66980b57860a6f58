import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { probeConfinement } from "../../infra/app-process/index.ts";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { joinNodes, type Node } from "../../infra/nodes/index.ts";
import { createSecrets } from "../../infra/secrets/index.ts";
import { newId } from "../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp } from "../../testing/tenants.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { createKeyCheck } from "../access/index.ts";
import { type AppRunner, runApps } from "./index.ts";

let registry: TestRegistry;
let node: Node;
let runner: AppRunner;
let appId: string;
let records: string;

beforeEach(async () => {
  records = await mkdtemp(path.join(tmpdir(), "tenantry-records-"));
  registry = await testRegistry();
  const { db, notifications } = registry;
  appId = await insertTestApp(db, "echo");
  node = await joinNodes({ db, log: silentLog, role: "worker", version: "0", schemaVersion: 4 });
  runner = runApps({
    db,
    secrets: createSecrets(Buffer.alloc(32, 1)),
    notifications,
    log: silentLog,
    nodeId: node.id,
    apiUrl: "http://127.0.0.1:1",
    reachesOf: async () => [],
    hides: [],
    confinement: await probeConfinement(),
    recordsDirectory: records,
    isRoutedByOthers: async () => false,
  });
});
afterEach(async () => {
  await runner.stop();
  await node.leave();
  await registry.close();
  await rm(records, { recursive: true });
});

/** Answers every request with its own key. */
const server =
  "node -e 'require(`http`).createServer((_, r) => r.end(process.env.TENANTRY_APP_KEY)).listen(process.env.PORT)'";

let number = 0;

/** Makes a release the app's current one, behind the workflow's back. */
async function release(from: { command?: string; upstreamUrl?: string }): Promise<string> {
  const id = newId();
  number += 1;
  await sql`
    insert into releases (id, app_id, number, command, upstream_url, schema_version)
    values (${id}, ${appId}, ${number}, ${from.command ?? null}, ${from.upstreamUrl ?? null}, 0)
  `.execute(registry.db);
  await sql`update apps set current_release_id = ${id} where id = ${appId}`.execute(registry.db);
  return id;
}

/** An instance on a node of another host, as that one wrote it. */
async function insertElsewhere(releaseId: string, url: string): Promise<string> {
  const nodeId = newId();
  await sql`
    insert into nodes (id, role, host, process_id, version, schema_version)
    values (${nodeId}, 'worker', 'elsewhere', 1, '0', 1)
  `.execute(registry.db);
  await sql`
    insert into instances (id, app_id, release_id, node_id, url, state)
    values (${newId()}, ${appId}, ${releaseId}, ${nodeId}, ${url}, 'healthy')
  `.execute(registry.db);
  return nodeId;
}

async function upstream(): Promise<string[]> {
  const { rows } = await sql<{ urls: string[] }>`select urls from upstreams where id = ${appId}`.execute(
    registry.db,
  );
  return rows[0]?.urls ?? [];
}

const upstreamHas = (count: number) =>
  waitUntil(
    `the upstream has ${count} urls`,
    async () => {
      const urls = await upstream();
      return urls.length === count ? urls : undefined;
    },
    20_000,
  );

const keyOf = async (url: string) => (await fetch(url)).text();

async function isGone(url: string): Promise<boolean> {
  return fetch(url).then(
    () => false,
    () => true,
  );
}

it("an instance on each of two nodes makes two addresses; the one of a node that died goes", async () => {
  const releaseId = await release({ command: server });
  const [own] = await upstreamHas(1);
  const dead = await insertElsewhere(releaseId, "http://10.0.0.9:4000");
  expect(await upstreamHas(2)).toEqual(expect.arrayContaining([own, "http://10.0.0.9:4000"]));
  await sql`delete from nodes where id = ${dead}`.execute(registry.db);
  expect(await upstreamHas(1)).toEqual([own]);
});

it("a node that was taken for dead begins its instances again, and their old keys are good no more", async () => {
  await release({ command: server });
  const [before] = await upstreamHas(1);
  const oldKey = await keyOf(before!);
  const check = createKeyCheck(registry.db);
  expect(await check(oldKey)).toMatchObject({ kind: "app" });
  await sql`delete from nodes where id = ${node.id}`.execute(registry.db);
  expect(await createKeyCheck(registry.db)(oldKey)).toBeUndefined();
  const after = await waitUntil(
    "another instance answers",
    async () => (await upstream()).find((url) => url !== before),
    30_000,
  );
  expect(await keyOf(after)).not.toBe(oldKey);
  await waitUntil("the old process is gone", () => isGone(before!), 20_000);
});

it("when a release with an address of its own follows one with a command, its process ends", async () => {
  await release({ command: server });
  const [process] = await upstreamHas(1);
  await release({ upstreamUrl: "http://127.0.0.1:9" });
  await waitUntil("the upstream moved", async () => (await upstream())[0] === "http://127.0.0.1:9");
  await waitUntil("the process is gone", () => isGone(process!), 20_000);
  await waitUntil("its row is gone", async () => {
    const { rows } = await sql`select from instances`.execute(registry.db);
    return rows.length === 0;
  });
});

it("a command that never starts is tried again and again, says why, and takes no traffic", async () => {
  await release({ command: "false" });
  const instance = await waitUntil(
    "it was tried twice",
    async () => {
      const { rows } = await sql<{ restarts: number; lastError: string; state: string }>`
        select restarts, last_error as "lastError", state from instances where restarts >= 2
      `.execute(registry.db);
      return rows[0];
    },
    20_000,
  );
  expect(instance.lastError).toBe("It ended with exit code 1.");
  expect(await upstream()).toEqual([]);
});

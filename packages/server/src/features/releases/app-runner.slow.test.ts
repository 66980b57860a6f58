import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
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

/** A node that runs the processes of one app, over a registry of its own. */
type Stand = { registry: TestRegistry; node: Node; appId: string; runner: AppRunner };

/** Side by side, since most of their time passes in waiting. */
function it(title: string, check: (stand: Stand) => Promise<void>): void {
  test.concurrent(title, async () => {
    await using stack = new AsyncDisposableStack();
    const records = await mkdtemp(path.join(tmpdir(), "tenantry-records-"));
    stack.defer(() => rm(records, { recursive: true }));
    const registry = await testRegistry();
    stack.defer(() => registry.close());
    const { db, notifications } = registry;
    const appId = await insertTestApp(db, "echo");
    const node = await joinNodes({ db, log: silentLog, role: "worker", version: "0", schemaVersion: 4 });
    stack.defer(() => node.leave());
    const runner = runApps({
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
    stack.defer(() => runner.stop());
    await check({ registry, node, appId, runner });
  });
}

/** Answers every request with its own key. */
const server =
  "node -e 'require(`http`).createServer((_, r) => r.end(process.env.TENANTRY_APP_KEY)).listen(process.env.PORT)'";

let number = 0;

/** Makes a release the app's current one, or the one that is being made ready, behind the workflow's back. */
async function release(
  { registry, appId }: Stand,
  from: { command?: string; upstreamUrl?: string; isNext?: boolean },
): Promise<string> {
  const id = newId();
  number += 1;
  await sql`
    insert into releases (id, app_id, number, command, upstream_url, schema_version)
    values (${id}, ${appId}, ${number}, ${from.command ?? null}, ${from.upstreamUrl ?? null}, 0)
  `.execute(registry.db);
  const place = sql.ref(from.isNext ? "next_release_id" : "current_release_id");
  await sql`update apps set ${place} = ${id} where id = ${appId}`.execute(registry.db);
  return id;
}

/** An instance on a node of another host, as that one wrote it. */
async function insertElsewhere({ registry, appId }: Stand, releaseId: string, url: string): Promise<string> {
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

async function upstream({ registry, appId }: Stand): Promise<string[]> {
  const { rows } = await sql<{ urls: string[] }>`select urls from upstreams where id = ${appId}`.execute(
    registry.db,
  );
  return rows[0]?.urls ?? [];
}

const upstreamHas = (stand: Stand, count: number) =>
  waitUntil(
    `the upstream has ${count} urls`,
    async () => {
      const urls = await upstream(stand);
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

it("an instance on each of two nodes makes two addresses; the one of a node that died goes", async (stand) => {
  const releaseId = await release(stand, { command: server });
  const [own] = await upstreamHas(stand, 1);
  const dead = await insertElsewhere(stand, releaseId, "http://10.0.0.9:4000");
  expect(await upstreamHas(stand, 2)).toEqual(expect.arrayContaining([own, "http://10.0.0.9:4000"]));
  await sql`delete from nodes where id = ${dead}`.execute(stand.registry.db);
  expect(await upstreamHas(stand, 1)).toEqual([own]);
});

it("a node that was taken for dead begins its instances again, and their old keys are good no more", async (stand) => {
  await release(stand, { command: server });
  const [before] = await upstreamHas(stand, 1);
  const oldKey = await keyOf(before!);
  const check = createKeyCheck(stand.registry.db);
  expect(await check(oldKey)).toMatchObject({ kind: "app" });
  await sql`delete from nodes where id = ${stand.node.id}`.execute(stand.registry.db);
  expect(await createKeyCheck(stand.registry.db)(oldKey)).toBeUndefined();
  const after = await waitUntil(
    "another instance answers",
    async () => (await upstream(stand)).find((url) => url !== before),
    30_000,
  );
  expect(await keyOf(after)).not.toBe(oldKey);
  await waitUntil("the old process is gone", () => isGone(before!), 20_000);
});

it("when a release with an address of its own follows one with a command, its process ends", async (stand) => {
  await release(stand, { command: server });
  const [process] = await upstreamHas(stand, 1);
  await release(stand, { upstreamUrl: "http://127.0.0.1:9" });
  await waitUntil("the upstream moved", async () => (await upstream(stand))[0] === "http://127.0.0.1:9");
  await waitUntil("the process is gone", () => isGone(process!), 20_000);
  await waitUntil("its row is gone", async () => {
    const { rows } = await sql`select from instances`.execute(stand.registry.db);
    return rows.length === 0;
  });
});

it("a command that never starts is tried again and again, says why, and takes no traffic", async (stand) => {
  await release(stand, { command: "false" });
  const instance = await waitUntil(
    "it was tried twice",
    async () => {
      const { rows } = await sql<{ restarts: number; lastError: string; state: string }>`
        select restarts, last_error as "lastError", state from instances where restarts >= 2
      `.execute(stand.registry.db);
      return rows[0];
    },
    20_000,
  );
  expect(instance.lastError).toBe("It ended with exit code 1.");
  expect(await upstream(stand)).toEqual([]);
});

it("whoever starts a node waits for no release that is still being made ready", async (stand) => {
  await release(stand, { command: "sleep 1000", isNext: true });
  const states = async () =>
    (await sql<{ state: string }>`select state from instances`.execute(stand.registry.db)).rows;
  await waitUntil("its process has been started", async () => (await states()).length > 0);
  await stand.runner.settled();
  expect(await states()).toEqual([{ state: "starting" }]);
});

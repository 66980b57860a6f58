import { readdir, readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createOperations } from "../features/operations/index.ts";
import { releaseWorkflow } from "../features/releases/index.ts";
import { sql } from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { createSecrets } from "../infra/secrets/index.ts";
import { insertApp } from "../testing/placements.ts";
import { type TestRegistry, testRegistry } from "../testing/registry.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { releaseSites } from "./built-in-app.ts";

const migrations = new URL("../../../../apps/sites/migrations/", import.meta.url);
let registry: TestRegistry;

beforeEach(async () => {
  registry = await testRegistry();
});
afterEach(() => registry.close());

/** Sites as it stands, from some command and with more migrations than ours. */
async function insertSites(command: string, ...added: string[]): Promise<void> {
  const names = (await readdir(migrations)).filter((name) => name.endsWith(".sql")).sort();
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, migrations), "utf8")));
  const appId = await insertApp(registry.db, ...texts, ...added);
  await sql`update apps set slug = 'sites' where id = ${appId}`.execute(registry.db);
  await sql`update releases set upstream_url = null, command = ${command}`.execute(registry.db);
}

async function startSites(): Promise<number> {
  const { db, notifications } = registry;
  const placements = {
    tryMigrations: async () => undefined,
    dropTrials: async () => undefined,
    migrateFleet: async () => ({
      ...{ databases: 0, current: 0, givenUp: 0 },
      ...{ environments: 0, environmentsCurrent: 0, environmentsGivenUp: 0 },
    }),
  };
  const deps = {
    db,
    secrets: createSecrets(Buffer.alloc(32, 1)),
    log: silentLog,
    operations: createOperations({ db, notifications, settled: async () => undefined }),
    releaseWorkflow: releaseWorkflow({ placements, refreshRoutes: async () => undefined }),
    firstUid: () => 64_200,
  };
  await releaseSites(deps, AbortSignal.timeout(5_000));
  const { rows } = await sql`select from operations`.execute(db);
  return rows.length;
}

it("a start leaves alone what an operator released as sites", async () => {
  await insertSites("node my-own-sites.js");
  expect(await startSites()).toBe(0);
});

it("a start of an older version leaves alone the Sites that a newer one released", async () => {
  await insertSites("node apps/sites/src/main.ts", "create table added_later ()");
  expect(await startSites()).toBe(0);
});

/** Lets the release that a start begins fail, as a worker would. */
async function failRelease(): Promise<void> {
  await waitUntil("a release has begun", async () => {
    const { rows } = await sql`
      update operations set status = 'failed', ended_at = now(),
        error = '{"code": "migration_failed", "title": "A migration failed.", "detail": "0002.sql, line 1"}'
      where kind = 'app.release' returning id
    `.execute(registry.db);
    return rows.length === 1;
  });
}

it("a start whose Sites can't be released goes on with the Sites that all tenants have", async () => {
  await insertSites("node apps/sites/src/main.ts");
  const names = (await readdir(migrations)).filter((name) => name.endsWith(".sql")).sort();
  for (const [index, name] of names.entries())
    await sql`update app_migrations set name = ${name} where ordinal = ${index + 1}`.execute(registry.db);
  const [operations] = await Promise.all([startSites(), failRelease()]);
  expect(operations).toBe(1);
});

it("a start without any Sites that could be released fails, with the reason", async () => {
  const [started] = await Promise.allSettled([startSites(), failRelease()]);
  expect(started).toMatchObject({ reason: { message: expect.stringContaining("0002.sql, line 1") } });
});

import { readdir, readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createOperations } from "../features/operations/index.ts";
import { releaseWorkflow } from "../features/releases/index.ts";
import { sql } from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { insertApp } from "../testing/placements.ts";
import { type TestRegistry, testRegistry } from "../testing/registry.ts";
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
    migrateDatabase: async () => ({ applied: 0 }),
  };
  const deps = {
    db,
    log: silentLog,
    operations: createOperations({ db, notifications }),
    releaseWorkflow: releaseWorkflow({ placements }),
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

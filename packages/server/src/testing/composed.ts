import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { compose } from "../entry/compose.ts";
import { openInstallation } from "../entry/installation.ts";
import { createApiKey } from "../features/access/index.ts";
import type { DomainParts } from "../features/domains/index.ts";
import { type ConfigSources, loadConfig } from "../infra/config/index.ts";
import { inTransaction, sql } from "../infra/db/index.ts";
import type { Api } from "../infra/http/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { createSecrets } from "../infra/secrets/index.ts";
import { newId } from "../kernel/index.ts";
import { type TestRegistry, testRegistry } from "./registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "./tenants.ts";

export type Composed = {
  api: Api;
  registry: TestRegistry;
  /** What looks at DNS, which nothing does by itself here. */
  domainParts: DomainParts;
  /** Headers of an operator, and of the application `sites`. */
  asOperator: { authorization: string };
  asSites: { authorization: string };
  sitesId: string;
  tenant: TestTenant;
  /** What was written in any table of the registry, but for what reading and counting attempts may touch. */
  state(): Promise<unknown>;
  close(): Promise<void>;
};

/** The whole API as an installation has it, with the app `sites` and the tenant `acme`; no worker runs. */
export async function composedApi(flags: ConfigSources["flags"] = {}): Promise<Composed> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "tenantry-composed-"));
  const registry = await testRegistry();
  const { db, url, notifications } = registry;
  const sitesId = await insertTestApp(db, "sites");
  const tenant = await insertTestTenant(db, sitesId, "acme");
  const keys = await inTransaction(db, async (tx) => ({
    operator: await createApiKey(tx, { kind: "operator", name: "test" }),
    sites: await createApiKey(tx, { kind: "app", appId: sitesId, name: "test" }),
  }));
  const { api, worker, domainParts } = await compose({
    config: await loadConfig({ flags: { dataDir, ...flags }, environment: {} }),
    log: silentLog,
    db,
    url,
    notifications,
    secrets: createSecrets(Buffer.alloc(32, 1)),
    installation: await openInstallation(db, "localhost"),
    node: { id: newId() },
    gatewayPort: 8585,
  });
  await noteChanges(registry);
  return {
    ...{ api, registry, domainParts },
    asOperator: { authorization: `Bearer ${keys.operator.key}` },
    asSites: { authorization: `Bearer ${keys.sites.key}` },
    sitesId,
    tenant,
    state: () => changes(registry),
    async close() {
      await api.close();
      await worker.close();
      await registry.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

const counting = ["idempotency_keys", "login_attempts", "nodes"];

/**
 * From now on, whatever is written is noted: to look at that costs a hundredth of what it costs to read all tables, and
 * bad input is tried by the thousand.
 */
async function noteChanges({ db }: TestRegistry): Promise<void> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'tenantry'::regnamespace and relkind in ('r', 'p') and not relispartition
  `.execute(db);
  await sql`create schema noted`.execute(db);
  await sql`create table noted.changes (place text not null, what text not null)`.execute(db);
  await sql`
    create function noted.note() returns trigger language plpgsql as $$
    begin
      if tg_op <> 'UPDATE'
        or to_jsonb(old) - 'last_used_at' - 'seen_at' <> to_jsonb(new) - 'last_used_at' - 'seen_at'
      then insert into noted.changes values (tg_table_name, tg_op);
      end if;
      return null;
    end $$`.execute(db);
  for (const { name } of tables.filter((table) => !counting.includes(table.name))) {
    await sql`
      create trigger noted after insert or update or delete on ${sql.id("tenantry", name)}
      for each row execute function noted.note()`.execute(db);
  }
}

async function changes({ db }: TestRegistry): Promise<unknown> {
  const { rows } = await sql`
    select place, what, count(*)::int as times from noted.changes group by place, what order by place, what
  `.execute(db);
  return rows;
}

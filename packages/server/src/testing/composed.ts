import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { compose } from "../entry/compose.ts";
import { openInstallation } from "../entry/installation.ts";
import { createApiKey } from "../features/access/index.ts";
import { loadConfig } from "../infra/config/index.ts";
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
  /** Headers of an operator, and of the application `sites`. */
  asOperator: { authorization: string };
  asSites: { authorization: string };
  sitesId: string;
  tenant: TestTenant;
  /** What stands in every table of the registry, but for what reading and counting attempts may touch. */
  state(): Promise<unknown>;
  close(): Promise<void>;
};

/** The whole API as an installation has it, with the app `sites` and the tenant `acme`; no worker runs. */
export async function composedApi(): Promise<Composed> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "tenantry-composed-"));
  const registry = await testRegistry();
  const { db, url, notifications } = registry;
  const sitesId = await insertTestApp(db, "sites");
  const tenant = await insertTestTenant(db, sitesId, "acme");
  const keys = await inTransaction(db, async (tx) => ({
    operator: await createApiKey(tx, { kind: "operator", name: "test" }),
    sites: await createApiKey(tx, { kind: "app", appId: sitesId, name: "test" }),
  }));
  const { api, worker } = await compose({
    config: await loadConfig({ flags: { dataDir }, environment: {} }),
    log: silentLog,
    db,
    url,
    notifications,
    secrets: createSecrets(Buffer.alloc(32, 1)),
    installation: await openInstallation(db, "localhost"),
    node: { id: newId() },
    gatewayPort: 8585,
  });
  return {
    api,
    registry,
    asOperator: { authorization: `Bearer ${keys.operator.key}` },
    asSites: { authorization: `Bearer ${keys.sites.key}` },
    sitesId,
    tenant,
    state: () => contents(registry),
    async close() {
      await api.close();
      await worker.close();
      await registry.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

const counting = ["idempotency_keys", "login_attempts", "nodes"];

async function contents({ db }: TestRegistry): Promise<unknown> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'tenantry'::regnamespace and relkind in ('r', 'p') order by relname
  `.execute(db);
  const sums = tables
    .filter(({ name }) => !counting.includes(name))
    .map(
      ({ name }) => sql<{ name: string; sum: string }>`
        select ${name} as name, md5(coalesce(string_agg(line, '' order by line), '')) as sum
        from (select (to_jsonb(t) - 'last_used_at' - 'seen_at')::text as line from ${sql.id(name)} t) as lines
      `,
    );
  // Of so many, PostgreSQL looks at several at once: they come in any order.
  const { rows } = await sql`${sql.join(sums, sql` union all `)} order by name`.execute(db);
  return rows;
}

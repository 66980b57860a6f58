import { showAutomaticTls } from "../features/domains/index.ts";
import { bury, inTransaction, publish, sql, streamVersion } from "../infra/db/index.ts";
import { newId } from "../kernel/index.ts";
import type { TestPostgres } from "./postgres.ts";
import { type TestRegistry, testRegistry } from "./registry.ts";

export type RouteRow = {
  status?: string;
  statusReason?: string | null;
  message?: string | null;
  retryAfterSeconds?: number | null;
  tenantName?: string;
  upstreamId?: string | null;
  progress?: number | null;
  redirectTo?: string | null;
  expiresAt?: Date | null;
};

/** A registry with the routes of a gateway in it, written as the features write them. */
export type TestRoutes = TestRegistry & {
  /** Makes an upstream, or gives it other URLs; returns its id. */
  upstream(urls: string[], id?: string): Promise<string>;
  removeUpstream(id: string): Promise<void>;
  /** Makes the routes of one more environment, or changes what stands there. */
  routes(hostnames: string[], row?: RouteRow): Promise<{ tenantId: string; environmentId: string }>;
  removeRoutes(hostnames: string[]): Promise<void>;
  /** Whether hosts get certificates by themselves. */
  automaticTls(isOn: boolean): Promise<void>;
  /** The newest version of the stream `routes`. */
  version(): Promise<number>;
};

export async function testRoutes(postgres?: Pick<TestPostgres, "createDatabase">): Promise<TestRoutes> {
  const registry = await testRegistry(postgres);
  const { db } = registry;
  const appId = newId();
  const releaseId = newId();
  await sql`insert into apps (id, slug, run_as_uid) values (${appId}, 'sites', 70000)`.execute(db);
  await sql`
    insert into releases (id, app_id, number, upstream_url, schema_version) values (${releaseId}, ${appId}, 1, 'x', 0)
  `.execute(db);

  return {
    ...registry,
    async upstream(urls, id = newId()) {
      await inTransaction(db, (tx) =>
        publish(tx, "routes", (version) =>
          sql`
            insert into upstreams (id, app_id, release_id, urls, version)
            values (${id}, ${appId}, ${releaseId}, ${urls}, ${version})
            on conflict (id) do update set urls = excluded.urls, version = excluded.version
          `.execute(tx),
        ),
      );
      return id;
    },
    async removeUpstream(id) {
      await inTransaction(db, (tx) =>
        publish(tx, "routes", async (version) => {
          await sql`delete from upstreams where id = ${id}`.execute(tx);
          await bury(tx, "routes", version, [`upstream:${id}`]);
        }),
      );
    },
    async routes(hostnames, row = {}) {
      const tenantId = newId();
      const environmentId = newId();
      await inTransaction(db, (tx) =>
        publish(tx, "routes", (version) =>
          sql`
            insert into routes (hostname, kind, environment_id, environment_name, tenant_id, tenant_slug, tenant_name,
              app_id, upstream_id, status, status_reason, message, retry_after_seconds, progress, redirect_to, expires_at, version)
            select hostname, 'system', ${environmentId}, 'production', ${tenantId}, 'acme', ${row.tenantName ?? "Acme Ltd"},
              ${appId}, ${row.upstreamId ?? null}, ${row.status ?? "active"}, ${row.statusReason ?? null},
              ${row.message ?? null}, ${row.retryAfterSeconds ?? null}, ${row.progress ?? null}, ${row.redirectTo ?? null}, ${row.expiresAt ?? null}, ${version}
            from unnest(${hostnames}::text[]) as hostname
            on conflict (hostname) do update set status = excluded.status, status_reason = excluded.status_reason,
              message = excluded.message, retry_after_seconds = excluded.retry_after_seconds, progress = excluded.progress,
              upstream_id = excluded.upstream_id, tenant_name = excluded.tenant_name,
              redirect_to = excluded.redirect_to, expires_at = excluded.expires_at, version = excluded.version
          `.execute(tx),
        ),
      );
      return { tenantId, environmentId };
    },
    async removeRoutes(hostnames) {
      await inTransaction(db, (tx) =>
        publish(tx, "routes", async (version) => {
          await sql`delete from routes where hostname = any (${hostnames}::text[])`.execute(tx);
          await bury(tx, "routes", version, hostnames);
        }),
      );
    },
    automaticTls: (isOn) => inTransaction(db, (tx) => showAutomaticTls(tx, isOn)),
    version: () => streamVersion(db, "routes"),
  };
}

import type pg from "pg";

/** Tenants as registry rows, each with an environment and a route, as if they had been provisioned. */
export async function seedTenants(registry: pg.Client, count: number): Promise<void> {
  await registry.query("set search_path = tenantry");
  await registry.query("begin");
  await registry.query(
    `insert into tenants (id, slug, name, status, app_id)
     select gen_random_uuid(), 'seed-' || n, 'Seeded tenant ' || n, 'active', (select id from apps where slug = 'sites')
     from generate_series(1, $1::int) n`,
    [count],
  );
  await registry.query(
    `insert into environments (id, tenant_id, name, status)
     select gen_random_uuid(), id, 'production', 'ready' from tenants where slug like 'seed-%'`,
  );
  await registry.query("update installation set tenant_count = tenant_count + $1::int", [count]);
  await registry.query(
    "update stream_versions set version = version + 1 where stream in ('routes', 'runtime')",
  );
  await registry.query(
    `insert into routes (hostname, kind, environment_id, environment_name, tenant_id, tenant_slug, tenant_name, app_id,
       upstream_id, status, version)
     select t.slug || '.localhost', 'system', e.id, e.name, t.id, t.slug, t.name, t.app_id, t.app_id, 'active',
       (select version from stream_versions where stream = 'routes')
     from tenants t join environments e on e.tenant_id = t.id where t.slug like 'seed-%'`,
  );
  await registry.query(
    "update environments set version = (select version from stream_versions where stream = 'runtime') where version = 0",
  );
  await registry.query("commit");
  await registry.query("analyze");
}

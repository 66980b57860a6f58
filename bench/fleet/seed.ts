import type pg from "pg";

/** Tenants of an app as registry rows, each with an environment and a database that has the app's schema version. */
export async function seedPlaced(registry: pg.Client, app: string, count: number): Promise<void> {
  await registry.query("set search_path = tenantry");
  await registry.query("begin");
  await registry.query(
    `insert into tenants (id, slug, name, status, app_id)
     select gen_random_uuid(), 'placed-' || n, 'Placed tenant ' || n, 'active', a.id
     from generate_series(1, $1::int) n, apps a where a.slug = $2`,
    [count, app],
  );
  await registry.query(
    `insert into environments (id, tenant_id, name, status)
     select gen_random_uuid(), id, 'production', 'ready' from tenants where slug like 'placed-%'`,
  );
  await registry.query(
    `with made as (
       insert into databases (id, server_id, app_id, level, name, schema_version, state, role_name)
       select e.id, (select id from database_servers limit 1), a.id, 'database', 'seeded_' || e.id, a.schema_version,
         'in_use', 'seeded_' || e.id
       from environments e join tenants t on t.id = e.tenant_id join apps a on a.id = t.app_id
       where t.slug like 'placed-%' returning id, name, schema_version
     )
     insert into placements (id, environment_id, kind, driver, state, generation, database_id, physical_name,
       schema_version)
     select gen_random_uuid(), id, 'database', 'database', 'current', 1, id, name, schema_version from made`,
  );
  await registry.query("commit");
  await registry.query("analyze");
}

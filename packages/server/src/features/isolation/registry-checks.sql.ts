import { type Db, sql } from "../../infra/db/index.ts";

/** Something in the registry that would lead from one tenant to another. */
export type RegistryProblem = { subject: string; problem: string };

const most = 20;

type Query = { execute(db: Db): Promise<{ rows: RegistryProblem[] }> };

async function select(db: Db, query: Query): Promise<RegistryProblem[]> {
  const { rows } = await query.execute(db);
  return rows;
}

/** Hosts that lead to another environment, tenant or application than the registry's rows say. */
export function selectRouteProblems(db: Db): Promise<RegistryProblem[]> {
  return select(
    db,
    sql<RegistryProblem>`
      select r.hostname as subject, case
          when e.id is null then 'It leads to an environment that there isn''t.'
          when e.tenant_id <> r.tenant_id then 'It says one tenant and leads to another''s environment.'
          when t.slug <> r.tenant_slug then 'It bears another tenant''s slug.'
          when t.app_id <> r.app_id or r.upstream_id is distinct from t.app_id then 'It leads to another application.'
          else 'The name is one tenant''s, and it leads to another.'
        end as problem
      from routes r left join environments e on e.id = r.environment_id left join tenants t on t.id = r.tenant_id
      where r.redirect_to is null and r.status <> 'deleted' and (
        e.id is null or e.tenant_id <> r.tenant_id or t.slug <> r.tenant_slug or t.app_id <> r.app_id
        or r.upstream_id is distinct from t.app_id
        or r.kind = 'system' and r.hostname not like r.tenant_slug || '.%' and r.hostname not like r.tenant_slug || '--%')
      order by r.hostname limit ${most}`,
  );
}

/** Sessions that are good in another tenant than their user's. */
export function selectSessionProblems(db: Db): Promise<RegistryProblem[]> {
  return select(
    db,
    sql<RegistryProblem>`
      select s.id::text as subject, 'A session of a user of one tenant is good in another.' as problem
      from sessions s join users u on u.id = s.user_id left join environments e on e.id = s.environment_id
      where s.tenant_id <> u.tenant_id or e.tenant_id is distinct from u.tenant_id
      order by s.id limit ${most}`,
  );
}

/** Places that two environments have in common, or that have no name. */
export function selectPlacementProblems(db: Db): Promise<RegistryProblem[]> {
  return select(
    db,
    sql<RegistryProblem>`
      select p.environment_id::text as subject, format('Its %s lies in the same place as another''s.', p.kind) as problem
      from placements p where p.state = 'current' and p.physical_name <> '' and exists (
        select from placements o where o.state <> 'retired' and o.kind = p.kind and o.driver = p.driver
          and o.physical_name = p.physical_name and o.server_id is not distinct from p.server_id and o.environment_id <> p.environment_id)
      union all
      select p.environment_id::text, format('Its %s has no place of its own.', p.kind)
      from placements p where p.state = 'current' and p.kind in ('storage', 'cache') and coalesce(p.physical_name, '') = ''
      union all
      select p.environment_id::text, 'Its database serves another environment, too.'
      from placements p join databases d on d.id = p.database_id
      where p.state = 'current' and d.level <> 'shared' and exists (
        select from placements o where o.database_id = p.database_id and o.environment_id <> p.environment_id)
      limit ${most}`,
  );
}

/** Databases of another application than their environment's. */
export function selectDatabaseProblems(db: Db): Promise<RegistryProblem[]> {
  return select(
    db,
    sql<RegistryProblem>`
      select e.id::text as subject, case when d.app_id <> t.app_id then 'Its database is another application''s.'
          else format('Its database is %s, not in use by it.', d.state) end as problem
      from placements p join databases d on d.id = p.database_id join environments e on e.id = p.environment_id
        join tenants t on t.id = e.tenant_id
      where p.state = 'current' and (d.app_id <> t.app_id or d.state in ('blueprint', 'spare'))
      order by e.id limit ${most}`,
  );
}

/** Work and events that bear the context of one tenant and concern another's environment. */
export function selectContextProblems(db: Db): Promise<RegistryProblem[]> {
  return select(
    db,
    sql<RegistryProblem>`
      (select o.id::text as subject, 'An operation of one tenant works on another''s environment.' as problem
      from operations o join environments e on e.id = o.environment_id
      where o.tenant_id is distinct from e.tenant_id order by o.id desc limit ${most})
      union all
      (select v.id::text, 'An event of one tenant tells of another''s environment.'
      from events v join environments e on e.id = v.environment_id
      where v.tenant_id is distinct from e.tenant_id order by v.id desc limit ${most})`,
  );
}

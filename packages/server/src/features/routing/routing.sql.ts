import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type NewRoute = { hostname: string; environmentId: string };

/** What a gateway shows: the worse of the tenant's and the environment's status. */
const shownStatus = sql`
  case
    when t.status in ('deleting', 'purging', 'deleted') then 'deleted'
    when t.status = 'suspended' then 'suspended'
    when t.status in ('requested', 'provisioning') or e.status = 'provisioning' then 'provisioning'
    when t.status = 'failed' or e.status = 'failed' then 'failed'
    when e.status = 'maintenance' or (e.status = 'ready' and e.moving) then 'maintenance'
    when e.status in ('removing', 'removed') then 'deleted'
    else 'active'
  end
`;

/**
 * Adds these routes, and turns redirects of the same environment (or ones that ran out) back. Answers the hostnames that
 * lead there now: not those that another environment holds.
 */
export async function upsertRoutes(
  tx: Tx,
  { kind, routes }: { kind: "system" | "custom"; routes: readonly NewRoute[] },
  version: number,
): Promise<string[]> {
  const { rows } = await sql<{ hostname: string }>`
    insert into routes (hostname, kind, environment_id, environment_name, tenant_id, tenant_slug, tenant_name, app_id,
      upstream_id, status, status_reason, message, retry_after_seconds, version)
    select given.hostname, ${kind}, e.id, e.name, t.id, t.slug, t.name, t.app_id,
      coalesce(e.held_release_id, t.app_id),
      ${shownStatus}, t.status_reason, e.maintenance_message, e.maintenance_retry_after_seconds, ${version}
    from unnest(${routes.map((one) => one.hostname)}::text[], ${routes.map((one) => one.environmentId)}::uuid[])
      as given (hostname, environment_id)
    join environments e on e.id = given.environment_id join tenants t on t.id = e.tenant_id
    on conflict (hostname) do update set kind = excluded.kind, redirect_to = null, expires_at = null,
      environment_id = excluded.environment_id, environment_name = excluded.environment_name,
      tenant_id = excluded.tenant_id, tenant_slug = excluded.tenant_slug, tenant_name = excluded.tenant_name,
      app_id = excluded.app_id, upstream_id = excluded.upstream_id, status = excluded.status,
      status_reason = excluded.status_reason, message = excluded.message,
      retry_after_seconds = excluded.retry_after_seconds, version = excluded.version
    where routes.environment_id = excluded.environment_id
      or (routes.redirect_to is not null and routes.expires_at < now())
    returning hostname
  `.execute(tx);
  return rows.map((row) => row.hostname);
}

/** Writes anew what the tenant's routes say of it. */
export async function refreshRoutesOf(tx: Tx, tenantId: string, version: number): Promise<void> {
  await sql`
    update routes r set tenant_slug = t.slug, tenant_name = t.name, app_id = t.app_id,
      upstream_id = coalesce(e.held_release_id, t.app_id),
      status = ${shownStatus}, status_reason = t.status_reason, message = e.maintenance_message,
      retry_after_seconds = e.maintenance_retry_after_seconds, progress = null, version = ${version}
    from environments e join tenants t on t.id = e.tenant_id
    where r.tenant_id = ${tenantId} and e.id = r.environment_id
  `.execute(tx);
}

export async function updateRouteProgress(tx: Tx, environmentId: string, progress: number, version: number) {
  await sql`
    update routes set progress = ${progress}, version = ${version} where environment_id = ${environmentId}
  `.execute(tx);
}

export async function redirectRoute(
  tx: Tx,
  redirect: { from: string; to: string; days: number },
  version: number,
): Promise<void> {
  await sql`
    update routes set kind = 'alias', redirect_to = ${redirect.to},
      expires_at = now() + ${redirect.days} * interval '1 day', version = ${version}
    where hostname = ${redirect.from}
  `.execute(tx);
  // Older names lead straight to the newest, not along a chain.
  await sql`
    update routes set redirect_to = ${redirect.to}, version = ${version} where redirect_to = ${redirect.from}
  `.execute(tx);
}

export async function deleteCustomRoutes(
  tx: Tx,
  routes: readonly { hostname: string; environmentId: string }[],
): Promise<string[]> {
  const { rows } = await sql<{ hostname: string }>`
    delete from routes r
    using unnest(${routes.map((one) => one.hostname)}::text[], ${routes.map((one) => one.environmentId)}::uuid[])
      as gone (hostname, environment_id)
    where r.kind = 'custom' and r.hostname = gone.hostname and r.environment_id = gone.environment_id
    returning r.hostname
  `.execute(tx);
  return rows.map((row) => row.hostname);
}

export async function deleteCustomRoutesBelow(tx: Tx, domain: string): Promise<string[]> {
  const suffix = `.${domain}`;
  const { rows } = await sql<{ hostname: string }>`
    delete from routes
    where kind = 'custom' and (hostname = ${domain} or right(hostname, length(${suffix}::text)) = ${suffix})
    returning hostname
  `.execute(tx);
  return rows.map((row) => row.hostname);
}

/** The system's own hosts of an environment, those that redirect among them. */
export async function selectSystemHosts(
  db: Db | Tx,
  environmentIds: readonly string[],
): Promise<(HostRow & { redirects: boolean })[]> {
  const { rows } = await sql<HostRow & { redirects: boolean }>`
    select environment_id as "environmentId", hostname, redirect_to is not null as redirects from routes
    where environment_id = any (${environmentIds}::uuid[]) and kind in ('system', 'alias')
      and (expires_at is null or expires_at > now())
    order by redirect_to is not null, hostname
  `.execute(db);
  return rows;
}

export async function deleteRoutesOf(tx: Tx, tenantId: string): Promise<string[]> {
  const { rows } = await sql<{ hostname: string }>`
    delete from routes where tenant_id = ${tenantId} returning hostname
  `.execute(tx);
  return rows.map((row) => row.hostname);
}

export async function deleteExpiredRedirects(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ hostname: string }>`
    delete from routes where redirect_to is not null and expires_at < now() returning hostname
  `.execute(tx);
  return rows.map((row) => row.hostname);
}

export type HostRow = { environmentId: string; hostname: string };

/** The hosts that lead to each environment, the system's own first; redirects are left out. */
export async function selectHosts(db: Db | Tx, environmentIds: readonly string[]): Promise<HostRow[]> {
  const { rows } = await sql<HostRow>`
    select environment_id as "environmentId", hostname from routes
    where environment_id = any (${environmentIds}::uuid[]) and redirect_to is null
    order by kind = 'custom', hostname
  `.execute(db);
  return rows;
}

/** Moves the system's hosts below another root domain. */
export async function renameRootDomain(tx: Tx, domain: { from: string; to: string }, version: number) {
  const suffix = `.${domain.from}`;
  const { rows } = await sql<{ hostname: string }>`
    with moved as (
      select hostname as before, left(hostname, -length(${suffix}::text)) || '.' || ${domain.to} as after
      from routes where kind in ('system', 'alias') and right(hostname, length(${suffix}::text)) = ${suffix}
    )
    update routes r set hostname = moved.after, version = ${version},
      redirect_to = case when r.redirect_to is not null
        then left(r.redirect_to, -length(${suffix}::text)) || '.' || ${domain.to} end
    from moved where r.hostname = moved.before returning moved.before as hostname
  `.execute(tx);
  return rows.map((row) => row.hostname);
}

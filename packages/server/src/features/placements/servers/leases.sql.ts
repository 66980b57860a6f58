import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

/** Whoever else asks for backends of the server waits until our transaction ends, and then sees what we took. */
export async function lockServer(tx: Tx, serverId: string): Promise<void> {
  await sql`select from database_servers where id = ${serverId} for no key update`.execute(tx);
}

/** One process of an application, by a name that the application chose. */
export type Holder = { appId: string; process: string };

/** Applications can't name holders of each other's: an id holds no slash. */
const nameOf = ({ appId, process }: Holder): string => `${appId}/${process}`;

/**
 * The servers with databases of an application, and a fair share of each for one of its processes: an equal part for
 * every process, and one part left over for whoever comes next. Each application that is at work counts as having as
 * many processes as this one: how many an application names is its own affair.
 */
export async function selectShares(db: Db, holder: Holder): Promise<{ serverId: string; share: number }[]> {
  const { rows } = await sql<{ serverId: string; share: number }>`
    with others as (
      select server_id, count(distinct app) filter (where app <> ${holder.appId})::int as apps,
        count(*) filter (where app = ${holder.appId} and holder <> ${nameOf(holder)})::int as processes
      from backend_leases, split_part(holder, '/', 1) as app
      where lease_until > clock_timestamp() group by server_id
    )
    select s.id as "serverId",
      greatest(1, s.max_backends / ((coalesce(o.apps, 0) + 1) * (coalesce(o.processes, 0) + 1) + 1)) as share
    from database_servers s left join others o on o.server_id = s.id
    where s.kind <> 'directory'
      and exists (select from databases d where d.server_id = s.id and d.app_id = ${holder.appId})
    order by s.id
  `.execute(db);
  return rows;
}

/**
 * Writes what the holder may have from now on: what it wants, or what the others leave, or what its application may have
 * altogether; 0 takes its row away. An application may have an equal part for each that is at work, of all but an eighth,
 * which is kept for one that comes next.
 */
export async function upsertLease(
  tx: Tx,
  lease: { holder: Holder; serverId: string; wanted: number; leaseMs: number },
): Promise<number> {
  const { appId } = lease.holder;
  const name = nameOf(lease.holder);
  const { rows } = await sql<{ backends: number }>`
    with others as (
      select coalesce(sum(backends), 0)::int as held,
        coalesce(sum(backends) filter (where app = ${appId}), 0)::int as held_by_app,
        count(distinct app) filter (where app <> ${appId})::int as apps
      from backend_leases, split_part(holder, '/', 1) as app
      where server_id = ${lease.serverId} and holder <> ${name} and lease_until > clock_timestamp()
    ), granted as (
      select greatest(0, least(
        ${lease.wanted}::int,
        s.max_backends - others.held,
        greatest(1, (s.max_backends - (s.max_backends + 7) / 8) / (others.apps + 1)) - others.held_by_app
      )) as backends
      from database_servers s, others where s.id = ${lease.serverId}
    ), ended as (
      delete from backend_leases l using granted
      where l.server_id = ${lease.serverId}
        and (l.holder <> ${name} and l.lease_until <= clock_timestamp()
          or l.holder = ${name} and granted.backends = 0)
    )
    insert into backend_leases as l (holder, server_id, backends, lease_until)
    select ${name}, ${lease.serverId}::uuid, backends, clock_timestamp() + ${lease.leaseMs} * interval '1 ms'
    from granted where backends > 0
    on conflict (holder, server_id) do update set backends = excluded.backends, lease_until = excluded.lease_until
    returning backends
  `.execute(tx);
  return rows[0]?.backends ?? 0;
}

/** Gives back what a process holds on all servers, when it stops. */
export async function releaseBackends(db: Db, holder: Holder): Promise<void> {
  await sql`delete from backend_leases where holder = ${nameOf(holder)}`.execute(db);
}

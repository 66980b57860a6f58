import { type Db, sql, type Tx } from "../../infra/db/index.ts";

/** Whoever else asks for backends of the server waits until our transaction ends, and then sees what we took. */
export async function lockServer(tx: Tx, serverId: string): Promise<void> {
  await sql`select from database_servers where id = ${serverId} for no key update`.execute(tx);
}

/**
 * The servers with databases of an application, and a fair share of each for one more holder: an equal part for
 * everyone who holds some, and one part left over for whoever comes next.
 */
export async function selectShares(
  db: Db,
  wanted: { appId: string; holder: string },
): Promise<{ serverId: string; share: number }[]> {
  const { rows } = await sql<{ serverId: string; share: number }>`
    select s.id as "serverId", greatest(1, s.max_backends / (count(l.holder)::int + 2)) as share
    from database_servers s
      left join backend_leases l
        on l.server_id = s.id and l.holder <> ${wanted.holder} and l.lease_until > clock_timestamp()
    where exists (select from databases d where d.server_id = s.id and d.app_id = ${wanted.appId})
    group by s.id order by s.id
  `.execute(db);
  return rows;
}

/** Writes what the holder may have from now on: what it wants, or what the others leave; 0 takes its row away. */
export async function upsertLease(
  tx: Tx,
  lease: { holder: string; serverId: string; wanted: number; leaseMs: number },
): Promise<number> {
  const { rows } = await sql<{ backends: number }>`
    with others as (
      select coalesce(sum(backends), 0)::int as held from backend_leases
      where server_id = ${lease.serverId} and holder <> ${lease.holder} and lease_until > clock_timestamp()
    ), granted as (
      select greatest(0, least(${lease.wanted}::int, s.max_backends - others.held)) as backends
      from database_servers s, others where s.id = ${lease.serverId}
    ), ended as (
      delete from backend_leases l using granted
      where l.server_id = ${lease.serverId}
        and (l.holder <> ${lease.holder} and l.lease_until <= clock_timestamp()
          or l.holder = ${lease.holder} and granted.backends = 0)
    )
    insert into backend_leases as l (holder, server_id, backends, lease_until)
    select ${lease.holder}, ${lease.serverId}::uuid, backends, clock_timestamp() + ${lease.leaseMs} * interval '1 ms'
    from granted where backends > 0
    on conflict (holder, server_id) do update set backends = excluded.backends, lease_until = excluded.lease_until
    returning backends
  `.execute(tx);
  return rows[0]?.backends ?? 0;
}

/** Gives back what a process holds on all servers, when it stops. */
export async function releaseBackends(db: Db, holder: string): Promise<void> {
  await sql`delete from backend_leases where holder = ${holder}`.execute(db);
}

import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type CredentialRow = {
  id: string;
  environmentId: string;
  placementId: string;
  roleName: string;
  secret: Buffer;
  state: "creating" | "current" | "retiring";
  /** When one that is retiring ends. */
  expiresAt: Date | null;
  createdAt: Date;
  /** Whether it let anybody in when it was last changed, and whether it should now. */
  open: boolean;
  mayOpen: boolean;
  /** Whether it leads to where the environment lives now. */
  isHere: boolean;
};

/**
 * As long as the tenant is active, with its environment closed to visitors or not but where it lives, and the database
 * keeps its tenants apart, and until it expires.
 */
const mayOpen = sql`
  (t.status = 'active' and e.status in ('ready', 'maintenance') and not e.moving and p.state = 'current'
    and d.seal_problems is null
    and (c.expires_at is null or c.expires_at > clock_timestamp()))`;

const columns = sql`
  c.id, c.environment_id as "environmentId", c.placement_id as "placementId", c.role_name as "roleName", c.secret, c.state,
  c.expires_at as "expiresAt", c.created_at as "createdAt", c.open, ${mayOpen} as "mayOpen",
  p.state = 'current' as "isHere"
  from credentials c join environments e on e.id = c.environment_id join tenants t on t.id = e.tenant_id
    join placements p on p.id = c.placement_id join databases d on d.id = p.database_id`;

export async function selectCredential(db: Db | Tx, id: string): Promise<CredentialRow | undefined> {
  const { rows } = await sql<CredentialRow>`select ${columns} where c.id = ${id}`.execute(db);
  return rows[0];
}

/** All of an environment, the newest first. */
export async function selectCredentials(db: Db | Tx, environmentId: string): Promise<CredentialRow[]> {
  const { rows } = await sql<CredentialRow>`
    select ${columns} where c.environment_id = ${environmentId} order by c.id desc
  `.execute(db);
  return rows;
}

/** Those that let somebody in and shouldn't, or the other way round, and those that have expired. */
export async function selectAmiss(
  db: Db,
  after: string | undefined,
  limit: number,
): Promise<CredentialRow[]> {
  const { rows } = await sql<CredentialRow>`
    select ${columns} where c.state <> 'creating' and p.state = 'current' and (c.open <> ${mayOpen} or c.expires_at <= clock_timestamp())
      and (${after ?? null}::uuid is null or c.id > ${after ?? null}::uuid)
    order by c.id limit ${limit}
  `.execute(db);
  return rows;
}

export async function insertCredential(
  tx: Tx,
  row: Pick<CredentialRow, "id" | "environmentId" | "placementId" | "roleName" | "secret">,
): Promise<void> {
  await sql`
    insert into credentials (id, environment_id, placement_id, role_name, secret, state)
    values (${row.id}, ${row.environmentId}, ${row.placementId}, ${row.roleName}, ${row.secret}, 'creating')
  `.execute(tx);
}

export async function updateOpen(db: Db | Tx, id: string, open: boolean): Promise<void> {
  await sql`update credentials set open = ${open} where id = ${id}`.execute(db);
}

/** Lets the current one of an environment retire; answers when it ends, undefined when there was none. */
export async function retireCurrent(
  tx: Tx,
  environmentId: string,
  overlapSeconds: number,
): Promise<Date | undefined> {
  const { rows } = await sql<{ expiresAt: Date }>`
    update credentials set state = 'retiring', expires_at = clock_timestamp() + ${overlapSeconds} * interval '1 second'
    where environment_id = ${environmentId} and state = 'current' returning expires_at as "expiresAt"
  `.execute(tx);
  return rows[0]?.expiresAt;
}

/** What retires already does so by then. */
export async function hastenRetiring(tx: Tx, environmentId: string, overlapSeconds: number): Promise<void> {
  await sql`
    update credentials set expires_at = least(expires_at, clock_timestamp() + ${overlapSeconds} * interval '1 second')
    where environment_id = ${environmentId} and state = 'retiring'
  `.execute(tx);
}

export async function updateCurrent(tx: Tx, id: string): Promise<void> {
  await sql`update credentials set state = 'current' where id = ${id}`.execute(tx);
}

export async function deleteCredential(db: Db | Tx, id: string): Promise<void> {
  await sql`delete from credentials where id = ${id}`.execute(db);
}

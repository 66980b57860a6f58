import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

export type SharedDatabaseRow = {
  id: string;
  appId: string;
  level: string;
  name: string;
  roleName: string;
  serverId: string;
  serverUrlSecret: Buffer;
  /** Null while nothing is wrong. */
  sealProblems: string[] | null;
};

const columns = sql`
  d.id, d.app_id as "appId", d.level, d.name, d.role_name as "roleName", d.server_id as "serverId", s.url_secret as "serverUrlSecret",
  d.seal_problems as "sealProblems"
`;

/** The databases that tenants share. */
export async function selectSharedDatabases(db: Db): Promise<SharedDatabaseRow[]> {
  const { rows } = await sql<SharedDatabaseRow>`
    select ${columns} from databases d join database_servers s on s.id = d.server_id
    where d.level = 'shared' and d.state = 'in_use' order by d.id
  `.execute(db);
  return rows;
}

/** Those that serve nobody, because rows could get out. */
export async function selectUnsealedDatabases(db: Db): Promise<{ name: string; problems: string[] }[]> {
  const { rows } = await sql<{ name: string; problems: string[] }>`
    select name, seal_problems as problems from databases
    where seal_problems is not null and state = 'in_use' order by name
  `.execute(db);
  return rows;
}

/** Sets what is wrong with a database; false when that is what was known. */
export async function updateSealProblems(
  tx: Tx,
  id: string,
  problems: readonly string[] | null,
): Promise<boolean> {
  const { rows } = await sql`
    update databases set seal_problems = ${problems}::text[]
    where id = ${id} and state = 'in_use' and seal_problems is distinct from ${problems}::text[]
    returning id
  `.execute(tx);
  return rows.length > 0;
}

/** The environments that live in a database now. */
export async function selectEnvironmentsIn(tx: Tx, databaseId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select environment_id as id from placements where database_id = ${databaseId} and state = 'current'
  `.execute(tx);
  return rows.map(({ id }) => id);
}

/** The secret of a database in use, locked until the transaction ends. */
export async function selectDatabaseSecret(tx: Tx, id: string): Promise<Buffer | undefined> {
  const { rows } = await sql<{ roleSecret: Buffer }>`
    select role_secret as "roleSecret" from databases where id = ${id} and state = 'in_use' for update
  `.execute(tx);
  return rows[0]?.roleSecret;
}

export async function updateDatabaseSecret(tx: Tx, id: string, roleSecret: Buffer): Promise<void> {
  await sql`update databases set role_secret = ${roleSecret} where id = ${id}`.execute(tx);
}

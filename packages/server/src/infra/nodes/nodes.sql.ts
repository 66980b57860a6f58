import { type Db, sql, type Tx } from "../db/index.ts";

export type NodeRow = {
  id: string;
  role: string;
  host: string;
  processId: number;
  version: string;
  schemaVersion: number;
};

export async function insertNode(db: Db, node: NodeRow): Promise<void> {
  await sql`
    insert into nodes (id, role, host, process_id, version, schema_version)
    values (${node.id}, ${node.role}, ${node.host}, ${node.processId}, ${node.version}, ${node.schemaVersion})
  `.execute(db);
}

/** False when the row is gone: others took the node for dead. */
export async function touchNode(db: Db, id: string): Promise<boolean> {
  const { rows } = await sql`update nodes set seen_at = now() where id = ${id} returning id`.execute(db);
  return rows.length === 1;
}

export async function deleteNode(db: Db, id: string): Promise<void> {
  await sql`delete from nodes where id = ${id}`.execute(db);
}

export async function deleteSilentNodes(db: Db, silentForMs: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    delete from nodes where seen_at < now() - ${silentForMs} * interval '1 millisecond' returning id
  `.execute(db);
  return rows.map((row) => row.id);
}

export async function selectNodesOf(db: Db, host: string): Promise<{ id: string; processId: number }[]> {
  const { rows } = await sql<{ id: string; processId: number }>`
    select id, process_id as "processId" from nodes where host = ${host}
  `.execute(db);
  return rows;
}

/** Whether a node is there that knows the registry's schemas up to an older one than `schemaVersion` alone. */
export async function isOlderNodePresent(db: Db | Tx, schemaVersion: number): Promise<boolean> {
  const { rows } = await sql`select from nodes where schema_version < ${schemaVersion} limit 1`.execute(db);
  return rows.length > 0;
}

export async function selectRolesOfOthers(db: Db, id: string): Promise<string[]> {
  const { rows } = await sql<{ role: string }>`
    select distinct unnest(string_to_array(role, ',')) as role from nodes where id <> ${id}
  `.execute(db);
  return rows.map((row) => row.role);
}

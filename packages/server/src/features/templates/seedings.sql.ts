import { sql, type Tx } from "../../infra/db/index.ts";

/** How far the starter data of an environment had come; null while nothing may have been committed. */
export type Seeding = { transactionId: string | null; rowsChanged: number | null };

/** Notes that starter data is about to be put in; answers what an interrupted attempt of the operation had noted. */
export async function beginSeeding(
  tx: Tx,
  seeding: { environmentId: string; operationId: string },
): Promise<Seeding> {
  const { rows } = await sql<Seeding>`
    insert into seedings as s (environment_id, operation_id)
    values (${seeding.environmentId}, ${seeding.operationId})
    on conflict (environment_id) do update set begun_at = s.begun_at
    returning transaction_id as "transactionId", rows_changed as "rowsChanged"
  `.execute(tx);
  return rows[0]!;
}

/** Before the commit of this transaction. */
export async function updateSeedingTransaction(
  tx: Tx,
  environmentId: string,
  done: { transactionId: string | null; rowsChanged: number },
): Promise<void> {
  await sql`
    update seedings set transaction_id = ${done.transactionId}, rows_changed = ${done.rowsChanged}
    where environment_id = ${environmentId}
  `.execute(tx);
}

/** What was put in goes with its database: the next attempt begins anew. */
export async function deleteSeeding(tx: Tx, environmentId: string): Promise<void> {
  await sql`delete from seedings where environment_id = ${environmentId}`.execute(tx);
}

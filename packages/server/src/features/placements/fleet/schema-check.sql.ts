import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

export async function selectStepResult<Result>(
  db: Db,
  operationId: string,
  step: string,
): Promise<Result | undefined> {
  const { rows } = await sql<{ result: Result }>`
    select result from operation_steps where operation_id = ${operationId} and name = ${step}
  `.execute(db);
  return rows[0]?.result;
}

/** The files that were tried aren't kept: they may be long. */
export async function deleteInput(tx: Tx, operationId: string): Promise<void> {
  await sql`
    update operations set input = input || '{"migrations": []}' where id = ${operationId}
  `.execute(tx);
}

/** By which files a check was started. */
export async function selectSchemaCheck(
  db: Db,
  operationId: string,
): Promise<{ checksum: string | null } | undefined> {
  const { rows } = await sql<{ checksum: string | null }>`
    select input->>'checksum' as checksum from operations where id = ${operationId} and kind = 'schema.check'
  `.execute(db);
  return rows[0];
}

import { type Db, sql, type Tx } from "../../infra/db/index.ts";

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

/** What was checked isn't kept: it may be long. */
export async function deleteInput(tx: Tx, operationId: string): Promise<void> {
  await sql`update operations set input = '{"migrations": []}' where id = ${operationId}`.execute(tx);
}

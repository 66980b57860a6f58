import { type Db, sql } from "../../../infra/db/index.ts";

/** What a rehearsal was started with: on whose rows, and by which files. */
export async function selectRehearsal(
  db: Db,
  operationId: string,
): Promise<{ appId: string; environmentId: string | null; checksum: string | null } | undefined> {
  const { rows } = await sql<{ appId: string; environmentId: string | null; checksum: string | null }>`
    select input->>'appId' as "appId", input->>'environmentId' as "environmentId", input->>'checksum' as checksum
    from operations where id = ${operationId} and kind = 'schema.rehearse'
  `.execute(db);
  return rows[0];
}

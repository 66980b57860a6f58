import { type Db, sql } from "../../../infra/db/index.ts";

type Found = { appId: string; environmentId: string | null; checksum: string | null; checkId: string | null };

/** What a rehearsal was started with: on whose rows, by which files, behind which check. */
export async function selectRehearsal(db: Db, operationId: string): Promise<Found | undefined> {
  const { rows } = await sql<Found>`
    select input->>'appId' as "appId", input->>'environmentId' as "environmentId", input->>'checksum' as checksum,
      input->>'checkId' as "checkId"
    from operations where id = ${operationId} and kind = 'schema.rehearse'
  `.execute(db);
  return rows[0];
}

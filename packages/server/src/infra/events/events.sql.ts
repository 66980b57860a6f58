import { sql, type Tx } from "../db/index.ts";

export type NewEventRow = {
  id: string;
  version: number;
  name: string;
  tenantId?: string;
  environmentId?: string;
  data: Record<string, unknown>;
};

export async function insertEvent(tx: Tx, event: NewEventRow): Promise<void> {
  const { id, version, name, tenantId = null, environmentId = null } = event;
  await sql`
    insert into events (id, version, ordinal, type, tenant_id, environment_id, data)
    values (${id}, ${version}, 0, ${name}, ${tenantId}, ${environmentId}, ${JSON.stringify(event.data)}::jsonb)
  `.execute(tx);
}

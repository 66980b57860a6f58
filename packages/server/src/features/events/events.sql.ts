import type { EventName } from "@tenantry/contract";
import { sql, type Tx } from "../../infra/db/index.ts";

export type EventRow = {
  id: string;
  version: number;
  ordinal: number;
  name: EventName;
  tenantId: string | null;
  environmentId: string | null;
  data: Record<string, unknown>;
  occurredAt: Date;
};

export type EventFilter = { names?: readonly EventName[] | undefined; tenantId?: string | undefined };

/** Where a reader stands: all up to this place in the order of events has been read. */
export type EventPlace = readonly [version: number, ordinal: number];

/** In order, after a place. */
export async function selectEvents(
  tx: Tx,
  filter: EventFilter,
  [version, ordinal]: EventPlace,
  limit: number,
): Promise<EventRow[]> {
  const ofTenant = filter.tenantId === undefined ? sql`true` : sql`tenant_id = ${filter.tenantId}`;
  const ofNames = filter.names === undefined ? sql`true` : sql`type = any (${filter.names}::text[])`;
  const { rows } = await sql<EventRow>`
    select id, version, ordinal, type as name, tenant_id as "tenantId", environment_id as "environmentId", data,
      occurred_at as "occurredAt"
    from events where (version, ordinal) > (${version}::bigint, ${ordinal}::int) and ${ofTenant} and ${ofNames}
    order by version, ordinal limit ${limit}
  `.execute(tx);
  return rows;
}

/** The oldest version that is kept; undefined when none is. */
export async function selectOldestVersion(tx: Tx): Promise<number | undefined> {
  const { rows } = await sql<{ version: number | null }>`select min(version) as version from events`.execute(
    tx,
  );
  return rows[0]!.version ?? undefined;
}

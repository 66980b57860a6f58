import { newId } from "../../kernel/index.ts";
import { publish, sql, type Tx } from "../db/index.ts";

/** A fact, in the past tense: `tenant.suspended`. Data is public to whoever may read the tenant: no secrets. */
export type NewEvent = {
  type: string;
  tenantId?: string;
  environmentId?: string;
  data?: Record<string, unknown>;
};

/**
 * Records an event in the outbox, in the transaction that makes it true. Delivered at least once, in order; consumers
 * deduplicate by id. Call it after the rows it tells of, and before the streams `routes` and `runtime`.
 */
export async function recordEvent(tx: Tx, event: NewEvent): Promise<void> {
  await publish(tx, "events", (version) =>
    sql`
      insert into events (id, version, ordinal, type, tenant_id, environment_id, data)
      values (${newId()}, ${version}, 0, ${event.type}, ${event.tenantId ?? null}, ${event.environmentId ?? null},
        ${JSON.stringify(event.data ?? {})}::jsonb)
    `.execute(tx),
  );
}

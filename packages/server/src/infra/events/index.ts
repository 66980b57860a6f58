import type { EventData, EventName } from "@tenantry/contract";
import { newId } from "../../kernel/index.ts";
import { publish, type Tx } from "../db/index.ts";
import { insertEvent } from "./events.sql.ts";

export { deleteOldEvents } from "./retention.sql.ts";

/** A fact of the contract's catalogue, in the past tense. Ids here are UUIDs; those in its data are shown ones. */
export type NewEvent<Name extends EventName> = {
  name: Name;
  tenantId?: string;
  environmentId?: string;
  data: EventData<Name>;
};

/**
 * Records an event in the outbox, in the transaction that makes it true. Delivered at least once, in order; consumers
 * deduplicate by id. Call it after the rows it tells of, and before the streams `routes` and `runtime`.
 */
export async function recordEvent<Name extends EventName>(tx: Tx, event: NewEvent<Name>): Promise<void> {
  await publish(tx, "events", (version) => insertEvent(tx, { id: newId(), version, ...event }));
}

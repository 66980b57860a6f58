import { type CloudEvent, type EventType, eventTypePrefix } from "@tenantry/contract";
import { showId } from "../../kernel/index.ts";
import type { EventRow } from "./events.sql.ts";

/** An event as CloudEvents 1.0 has it; `source` is the installation. */
export function viewEvent(row: EventRow, source: string): CloudEvent {
  const tenantId = row.tenantId === null ? undefined : showId("tnt", row.tenantId);
  const { appId, operationId } = row.data;
  const subject = tenantId ?? [appId, operationId].find((id) => typeof id === "string");
  return {
    specversion: "1.0",
    id: showId("evt", row.id),
    source,
    type: `${eventTypePrefix}${row.name}` satisfies EventType,
    ...(subject && { subject }),
    time: row.occurredAt.toISOString(),
    datacontenttype: "application/json",
    data: row.data,
    sequence: sequenceOf(row),
    ...(tenantId && { tenantid: tenantId }),
    ...(row.environmentId && { environmentid: showId("env", row.environmentId) }),
  };
}

/** Of one length, so that texts compare as the numbers do. */
function sequenceOf({ version, ordinal }: EventRow): string {
  return `${String(version).padStart(16, "0")}.${String(ordinal).padStart(4, "0")}`;
}

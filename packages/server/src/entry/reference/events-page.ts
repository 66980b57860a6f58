import { cloudEvent, eventCatalogue, eventTypePrefix } from "@tenantry/contract";
import type { z } from "zod";
import { page, table } from "./markdown.ts";

/** What can happen, and how to read of it. */
export function eventsPage(): string {
  const types = Object.entries(eventCatalogue).map(([name, { description, data }]) => {
    const fields = Object.entries(data.shape as Record<string, z.ZodType>);
    const shown = fields.map(([field, schema]) => `\`${field}\`: ${schema.description ?? ""}`);
    return [`\`${eventTypePrefix}${name}\``, description, shown.join("<br>")];
  });
  const members = Object.entries<z.ZodType>(cloudEvent.shape).map(([name, schema]) => [
    `\`${name}\``,
    schema.description ?? `Always \`${(schema as z.ZodLiteral).value}\`.`,
  ]);
  return page(
    "Events",
    "What happens to tenants and applications is recorded in the transaction that makes it true, and told as [CloudEvents 1.0](https://cloudevents.io) in JSON. Types begin with `tenantry.`, so that they stand apart on a bus that many write to.",
    "## Reading them",
    '`GET /v1/events` answers pages, the oldest kept first: `{ "items": […], "nextCursor": …, "cursor": … }`. Go on with `nextCursor` until it is null; ask with `cursor` later for what happened since. `GET /v1/events/stream` sends the same as server-sent events from now on, or from `?cursor=` or `Last-Event-ID`: each event\'s place is its id. Both take `?type=` (several joined by commas) and `?tenantId=`, and need the permission `events:read`. `tenantry event list` and `tenantry event follow` do it by hand.',
    "## What is promised",
    "- **Order**: all events of a tenant, and all events of the installation, come in the order in which their transactions were committed. `sequence` compares as text.\n- **At least once**: keep the cursor after you dealt with a page. After a crash you get that page again; `id` is then the same.\n- **No silent gap**: a cursor whose next events were removed already is refused with 410 `cursor_expired`. Read from the API how things stand, and begin again.",
    "## An event",
    table(["Member", "What it is"], members),
    "## Types",
    table(["Type", "When", "Data"], types),
  );
}

import type { EventData, EventName } from "@tenantry/contract";
import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { DomainRow } from "./domains.sql.ts";

type DomainEvent = Extract<EventName, `domain.${string}`>;
type More<Name extends DomainEvent> = Omit<EventData<Name>, "slug" | "environment" | "hostname">;

/** Records what became of a domain. */
export async function tellOfDomain<Name extends DomainEvent>(
  tx: Tx,
  row: DomainRow,
  name: Name,
  ...[more]: keyof More<Name> extends never ? [] : [More<Name>]
): Promise<void> {
  const { tenantId, environmentId, tenantSlug: slug, environmentName: environment, hostname } = row;
  const data = { slug, environment, hostname, ...more } as EventData<Name>;
  await recordEvent(tx, { name, tenantId, environmentId, data });
}

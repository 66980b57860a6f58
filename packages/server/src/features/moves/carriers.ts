import type { Carrier } from "./carrier.ts";
import { type DatabaseCarrierParts, databaseCarrier } from "./database-carrier.ts";
import { type StorageCarrierParts, storageCarrier } from "./storage-carrier.ts";

/** What carries each kind of thing, in the order in which a move goes about them: rows before the files that they name. */
export function createCarriers(parts: DatabaseCarrierParts & StorageCarrierParts): Carrier[] {
  return [databaseCarrier(parts), storageCarrier(parts)];
}

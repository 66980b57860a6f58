import { type CacheCarrierParts, cacheCarrier } from "./cache-carrier.ts";
import type { Carrier } from "./carrier.ts";
import { type DatabaseCarrierParts, databaseCarrier } from "./database-carrier.ts";
import { type StorageCarrierParts, storageCarrier } from "./storage-carrier.ts";

/** What carries each kind of thing, in the order in which a move goes about them: rows before the files that they name. */
export function createCarriers(
  parts: DatabaseCarrierParts & CacheCarrierParts & StorageCarrierParts,
): Carrier[] {
  return [databaseCarrier(parts), cacheCarrier(parts), storageCarrier(parts)];
}

import { createProvisioning, type Provisioning } from "../features/lifecycle/index.ts";
import type { Placements } from "../features/placements/index.ts";
import type { Settings } from "../features/settings/index.ts";
import { openStorage, type StoragePlaces } from "../features/storages/index.ts";
import type { Config } from "../infra/config/index.ts";
import { publicUrlOf } from "./addresses.ts";

type Given = {
  config: Config;
  gatewayPort: number;
  settings: Settings;
  placements: Placements;
  storage: StoragePlaces;
};

/** How tenants are made, from templates too. */
export function composeProvisioning(input: Given): Provisioning {
  const { config, settings, placements, storage } = input;
  return createProvisioning({
    ...{ placements, settings, rootDomain: config.rootDomain },
    async storageOf(db, environmentId) {
      const places = await placements.examinePlaces(db, [environmentId]);
      return openStorage(storage, db, places.get(environmentId)?.storage);
    },
    publicUrl: (hostname) => publicUrlOf(config, hostname, input.gatewayPort),
  });
}

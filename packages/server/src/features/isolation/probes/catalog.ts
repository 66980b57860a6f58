import { breach, failed, type Probe, type ProbeAnswer, skipped, sound } from "../../../drivers/probe.ts";
import type { Db } from "../../../infra/db/index.ts";
import { encodeUuid } from "../../../kernel/index.ts";
import type { ExaminedPlaces, Placements } from "../../placements/index.ts";
import { type Drivers, driverOf } from "../drivers.ts";
import { lettingNobodyIn, remedyOf } from "../remedies.ts";

/** One environment's places, to be compared with how they were built. */
export type CatalogGround = {
  db: Db;
  placements: Pick<Placements, "verifyDatabase">;
  environmentId: string;
  places: ExaminedPlaces;
  drivers: Drivers;
};

/** What stands on servers and disks, compared with how it was built. */
export const catalogProbes: readonly Probe<CatalogGround>[] = [
  {
    id: "database.catalog",
    path: "database",
    title: "schemas, roles, rights, policies, views, functions and the seal of its database, as they stand",
    remedy: "Put it back as it was built, and look who changed it.",
    applies: ({ places }) => places.database !== undefined,
    run: async ({ placements, db, environmentId }) =>
      judge(await placements.verifyDatabase(db, environmentId)),
  },
  {
    id: "storage.place",
    path: "storage",
    title: "its directory or bucket: whose it is, and to whom it is open",
    remedy: "Put it back as it was built, and look who changed it.",
    applies: ({ places }) => places.storage !== undefined,
    async run({ places, drivers, environmentId }) {
      const driver = driverOf(drivers.storage, places.storage);
      if (!driver) return failed(`nothing provides ${places.storage!.driver} any more`);
      const { physicalName } = places.storage!;
      return misnamed(physicalName, environmentId) ?? judge(await driver.verify(physicalName, environmentId));
    },
  },
  {
    id: "cache.place",
    path: "cache",
    title: "its cache's user, prefix or server, as they stand",
    remedy: "Put it back as it was built, and look who changed it.",
    applies: ({ places }) => places.cache !== undefined,
    async run({ places, drivers, environmentId }) {
      const driver = driverOf(drivers.cache, places.cache);
      if (!driver) return failed(`nothing provides ${places.cache!.driver} any more`);
      const { physicalName } = places.cache!;
      return misnamed(physicalName, environmentId) ?? judge(await driver.verify(physicalName));
    },
  },
];

/** Every driver calls a place after its environment: another name leads to somebody else's things, or to everybody's. */
function misnamed(physicalName: string, environmentId: string): ProbeAnswer | undefined {
  if (physicalName.includes(encodeUuid(environmentId))) return undefined;
  return breach(
    `Its place is called ${JSON.stringify(physicalName)}, and isn't named after it.`,
    "Suspend the tenant, put the name back in `placements`, and look who changed it.",
  );
}

function judge(sentences: readonly string[]): ProbeAnswer {
  const open = sentences.filter((sentence) => !lettingNobodyIn(sentence));
  if (open.length > 0) return breach(open.join(" "), [...new Set(open.map(remedyOf))].join(" "));
  if (sentences.length > 0) return skipped(`it lets nobody in, but isn't sound: ${sentences.join(" ")}`);
  return sound("as it was built");
}

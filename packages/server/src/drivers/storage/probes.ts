import type { Storage } from "@tenantry/data";
import { breach, type Probe, type ProbeAnswer, refused, skipped } from "../probe.ts";
import { fsProbes } from "./fs/probes.ts";
import type { StorageGround } from "./ground.ts";
import { s3Probes } from "./s3/probes.ts";

export type { StorageGround } from "./ground.ts";

const remedy = "See where the placements of the two lead: each must have a physical name of its own.";

/** Whatever the driver is, by the handles that applications have. */
const handleProbes: readonly Probe<StorageGround>[] = [
  {
    id: "storage.other-key",
    path: "storage",
    title: "read the neighbour's object by its key",
    remedy,
    applies: ({ to }) => to.markerKey !== undefined,
    run: ({ driver, from, to }) => tryKeys(driver.handle(from.physicalName), [to.markerKey!]),
  },
  {
    id: "storage.escape",
    path: "storage",
    title: "leave its own place by keys with dots, slashes and their disguises",
    remedy: "Stop the application and upgrade: keys are refused before any driver sees them.",
    run: ({ driver, from, to }) => {
      const inside = `${to.physicalName}/${to.markerKey ?? "marker"}`;
      const ways = [
        "../",
        "./../",
        "a/../../",
        "/",
        "//",
        "..\\",
        "%2e%2e/",
        "..%2f",
        "\u2025/",
        "\uff0e\uff0e/",
      ];
      return tryKeys(driver.handle(from.physicalName), [
        ...ways.map((way) => way + inside),
        `${driver.nameFor(to.environmentId, "prefix")}/${to.markerKey ?? "marker"}`,
      ]);
    },
  },
  {
    id: "storage.list",
    path: "storage",
    title: "find the neighbour's object in a list of its own",
    remedy,
    applies: ({ from, to }) => from.markerKey !== undefined && to.markerKey !== undefined,
    async run({ driver, from, to }) {
      const { items } = await driver.handle(from.physicalName).list({ limit: 1_000 });
      if (items.some(({ key }) => key === to.markerKey)) return breach("The neighbour's object is listed.");
      return refused(`${items.length} objects listed, none of them the neighbour's`);
    },
  },
];

async function tryKeys(storage: Storage, keys: readonly string[]): Promise<ProbeAnswer> {
  for (const key of keys) {
    try {
      const { body } = await storage.get(key);
      body.destroy();
      return breach(`The key ${JSON.stringify(key)} leads to an object.`);
    } catch (error) {
      if (!(error instanceof Error) || !["UnsafeKey", "ObjectNotFound"].includes(error.name)) throw error;
    }
  }
  return keys.length > 0 ? refused(`${keys.length} keys tried`) : skipped("there is no key to try");
}

/** How one environment may try to get at another's files. A driver that comes later adds its own here. */
export const storageProbes: readonly Probe<StorageGround>[] = [...handleProbes, ...fsProbes, ...s3Probes];

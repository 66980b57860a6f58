import type { IsolationAttempt } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import type { Api } from "../../infra/http/index.ts";
import type { Placements } from "../placements/index.ts";
import { type Attempt, attemptsOf, tryAll } from "./attempts.ts";
import { knock } from "./doors.ts";
import { type DriverSources, type Drivers, driverOf, driversNow } from "./drivers.ts";
import { markerKeyOf } from "./markers.ts";
import { type GatewayGround, probes } from "./probes/index.ts";
import type { Subject, Subjects } from "./subjects.ts";
import { openVisitors } from "./visitors.ts";

export type VerifyParts = {
  db: Db;
  placements: Placements;
  /** What files and caches stand with. */
  drivers: DriverSources;
  /** This node's. */
  api: () => Api;
  /** Where this node finds a gateway. */
  gateway: () => Promise<GatewayGround["address"]>;
  /** Resolves when every gateway has heard of what was committed. */
  settled: () => Promise<void>;
};

type Run = { signal: AbortSignal; progress: (fraction: number, message: string) => Promise<void> };

/** Tries every way from each of the subjects into others. Changes nothing of a tenant's. */
export async function verifyIsolation(
  parts: VerifyParts,
  subjects: Subjects,
  run: Run,
): Promise<IsolationAttempt[]> {
  await parts.settled();
  const drivers = await driversNow(parts.drivers, parts.db);
  const attempts = [
    ...attemptsOf(probes.registry, { db: parts.db }, { from: "anybody", to: "every tenant" }),
    ...examine(parts, drivers, subjects),
    ...reach(drivers, subjects, run.signal),
  ];
  await using visitors = await openVisitors(parts.db, subjects);
  attempts.push(...knock({ ...parts, gateway: await parts.gateway() }, subjects, visitors));
  // Awaited: the visitors' sessions and keys end when this function does.
  return await tryAll(attempts, {
    signal: run.signal,
    // What works on the same cache or session would get in each other's way.
    laneOf: ({ probe, from, to }) =>
      ["cache", "sessions", "api"].includes(probe.path) ? probe.path : `${probe.id} ${from} ${to}`,
    tried: (count) => run.progress(count / attempts.length, `${count} of ${attempts.length} attempts`),
  });
}

/** How the places of each stand. */
function examine({ db, placements }: VerifyParts, drivers: Drivers, { examined }: Subjects): Attempt[] {
  return examined.flatMap(({ environmentId, places, name }) =>
    attemptsOf(
      probes.catalog,
      { db, placements, environmentId, places, drivers },
      { from: "anybody", to: name },
    ),
  );
}

/** From one place into another: canaries into each other, and into tenants. */
function reach(drivers: Drivers, subjects: Subjects, signal: AbortSignal): Attempt[] {
  return meetings(subjects).flatMap(({ from, to }) => {
    const names = { from: from.name, to: to.name };
    const attempts: Attempt[] = [];
    const [database, others] = [from.places.database, to.places.database];
    if (database && others) {
      const ground = { from: database, to: others, mayWrite: to.canary, signal };
      attempts.push(...attemptsOf(probes.database, ground, names));
    }
    const [files, othersFiles] = [from, to].map(({ places }) => driverOf(drivers.storage, places.storage));
    if (files && files === othersFiles) {
      const ground = { driver: files, from: probedFiles(from), to: probedFiles(to), signal };
      attempts.push(...attemptsOf(probes.storage, ground, names));
    }
    const [cache, othersCache] = [from, to].map(({ places }) => driverOf(drivers.cache, places.cache));
    if (cache && cache === othersCache && to.canary) {
      const ground = { driver: cache, from: probedCache(from), to: probedCache(to), signal };
      attempts.push(...attemptsOf(probes.cache, ground, names));
    }
    return attempts;
  });
}

const probedFiles = ({ places, environmentId, canary }: Subject) => ({
  environmentId,
  physicalName: places.storage!.physicalName,
  ...(canary && { markerKey: markerKeyOf(environmentId) }),
});

const probedCache = ({ places, environmentId }: Subject) => ({
  environmentId,
  physicalName: places.cache!.physicalName,
  generation: places.cache!.generation,
});

type Meeting = { from: Subject; to: Subject };

/** Each canary into its twin, the first of each pair into the next pair's, and one into each tenant. */
export function meetings({ pairs, sampled }: Subjects): Meeting[] {
  const twins = pairs.flatMap(({ a, b }) => [
    { from: a, to: b },
    { from: b, to: a },
  ]);
  const across = pairs.map(({ a }, index) => ({ from: a, to: pairs[(index + 1) % pairs.length]!.a }));
  const into = sampled.flatMap((to) => {
    const level = to.places.database?.level;
    const near = pairs.find((pair) => pair.level === level && pair.appId === to.appId) ?? pairs[0];
    return near ? [{ from: near.a, to }] : [];
  });
  return [...twins, ...across.filter(({ from, to }) => from !== to), ...into];
}

import type { IsolationAttempt } from "@tenantry/contract";
import type { CacheDriver } from "../../drivers/cache/index.ts";
import type { StorageDriver } from "../../drivers/storage/index.ts";
import type { Db } from "../../infra/db/index.ts";
import type { Api } from "../../infra/http/index.ts";
import type { Placements } from "../placements/index.ts";
import { type Attempt, attemptsOf, tryAll } from "./attempts.ts";
import { knock } from "./doors.ts";
import { markerKeyOf } from "./markers.ts";
import { probes } from "./probes/index.ts";
import type { Subject, Subjects } from "./subjects.ts";
import { openVisitors } from "./visitors.ts";

export type VerifyParts = {
  db: Db;
  placements: Placements;
  /** Each driver of this node. */
  storage: readonly StorageDriver[];
  cache: readonly CacheDriver[];
  /** This node's. */
  api: () => Api;
  /** Where this node finds a gateway. */
  gateway: { host: string; port: number };
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
  const attempts = [
    ...attemptsOf(probes.registry, { db: parts.db }, { from: "anybody", to: "every tenant" }),
    ...examine(parts, subjects),
    ...reach(parts, subjects, run.signal),
  ];
  await using visitors = await openVisitors(parts.db, subjects);
  attempts.push(...knock(parts, subjects, visitors));
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
function examine({ db, placements, storage, cache }: VerifyParts, { examined }: Subjects): Attempt[] {
  return examined.flatMap(({ environmentId, places, name }) =>
    attemptsOf(
      probes.catalog,
      { db, placements, environmentId, places, storage, cache },
      { from: "anybody", to: name },
    ),
  );
}

/** From one place into another: canaries into each other, and into tenants. */
function reach(parts: VerifyParts, subjects: Subjects, signal: AbortSignal): Attempt[] {
  return meetings(subjects).flatMap(({ from, to }) => {
    const names = { from: from.name, to: to.name };
    const attempts: Attempt[] = [];
    const [database, others] = [from.places.database, to.places.database];
    if (database && others) {
      const ground = { from: database, to: others, mayWrite: to.canary, signal };
      attempts.push(...attemptsOf(probes.database, ground, names));
    }
    const [files, othersFiles] = [from.places.storage, to.places.storage];
    const storage = parts.storage.find(({ driver }) => driver === files?.driver);
    if (files && othersFiles && storage && files.driver === othersFiles.driver) {
      const ground = { driver: storage, from: probedFiles(from), to: probedFiles(to), signal };
      attempts.push(...attemptsOf(probes.storage, ground, names));
    }
    const [cached, othersCached] = [from.places.cache, to.places.cache];
    const cache = parts.cache.find(({ driver }) => driver === cached?.driver);
    if (cached && othersCached && cache && cached.driver === othersCached.driver && to.canary) {
      const ground = {
        driver: cache,
        from: { ...cached, environmentId: from.environmentId },
        to: { ...othersCached, environmentId: to.environmentId },
        signal,
      };
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

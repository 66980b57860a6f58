import type { DatabaseLevel } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import { parseId, showId } from "../../kernel/index.ts";
import type { ExaminedPlaces, Placements } from "../placements/index.ts";
import type { CanaryPair } from "./canaries.ts";
import { selectSuspects } from "./reports.sql.ts";
import { type SubjectRow, selectOfEachShared, selectSample } from "./subjects.sql.ts";

/** An environment with its places, and how a report calls it. */
export type Subject = SubjectRow & { name: string; canary: boolean; places: ExaminedPlaces };

export type Scope = {
  /** A UUID. */
  tenantId?: string | undefined;
  level?: DatabaseLevel | undefined;
  sample: number;
};

export type Subjects = {
  pairs: { level: DatabaseLevel; appId: string; a: Subject; b: Subject }[];
  /** Tenants that serve people. */
  sampled: Subject[];
  /** All whose places are examined: of each database that many share one at least. */
  examined: Subject[];
};

/** Gathers whom a verification is about. */
export async function gatherSubjects(
  { db, placements }: { db: Db; placements: Placements },
  pairs: readonly CanaryPair[],
  scope: Scope,
): Promise<Subjects> {
  const suspects = (await selectSuspects(db)).flatMap((id) => parseId("tnt", id) ?? []);
  const sample = await selectSample(db, {
    first: suspects,
    limit: scope.tenantId ? 10 : scope.sample,
    ...scope,
  });
  const shared = scope.tenantId ? [] : await selectOfEachShared(db, scope.level);
  const canaries = pairs.flatMap(({ a, b }) => [a, b]);
  const ids = [...sample, ...shared, ...canaries].map(({ environmentId }) => environmentId);
  const places = await placements.examinePlaces(db, ids);
  const subject = (row: SubjectRow, name: string, canary: boolean): Subject => ({
    ...row,
    name,
    canary,
    places: places.get(row.environmentId) ?? {},
  });
  const tenant = (row: SubjectRow) => subject(row, showId("tnt", row.tenantId), false);
  const standing = pairs.map(({ level, appId, appSlug, a, b }) => ({
    level,
    appId,
    a: subject(a, `canary ${appSlug}/${level} a`, true),
    b: subject(b, `canary ${appSlug}/${level} b`, true),
  }));
  const sampled = sample.map(tenant);
  return { pairs: standing, sampled, examined: unique(standing, sampled, shared.map(tenant)) };
}

/** Each database once, but every environment's files. */
function unique(pairs: Subjects["pairs"], sampled: Subject[], shared: Subject[]): Subject[] {
  const all = [...pairs.flatMap(({ a, b }) => [a, b]), ...sampled, ...shared];
  const databases = new Set<string>();
  const environments = new Set<string>();
  return all.flatMap((subject) => {
    if (environments.has(subject.environmentId)) return [];
    environments.add(subject.environmentId);
    const { database, ...others } = subject.places;
    if (!database || databases.has(database.databaseId)) return [{ ...subject, places: others }];
    databases.add(database.databaseId);
    return [subject];
  });
}

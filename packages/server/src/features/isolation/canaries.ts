import type { DatabaseLevel } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import type { StepContext, Waiting, Workflow } from "../../infra/workflow/index.ts";
import { canarySlugPrefix, encodeUuid, hasCode, timeOf } from "../../kernel/index.ts";
import {
  createInternalTenant,
  type DeleteInput,
  deleteTenant,
  type ProvisionInput,
} from "../lifecycle/index.ts";
import type { Settings } from "../settings/index.ts";
import {
  type CanaryRow,
  type LevelInUse,
  type SubjectRow,
  selectCanaries,
  selectLevelsInUse,
  selectReadyApp,
} from "./subjects.sql.ts";

export type CanaryParts = {
  db: Db;
  settings: Settings;
  rootDomain: string;
  provision: Workflow<ProvisionInput>;
  deletion: Workflow<DeleteInput>;
};

/** Two tenants of the platform's own, of one application and at one level. */
export type CanaryPair = LevelInUse & { a: SubjectRow; b: SubjectRow };

/** So long a verification waits for its canaries; then it goes on with those that stand. */
const mostWaitMs = 120_000;
const lookAgainMs = 150;

/** Where canaries belong: wherever tenants live, and where the request says. */
export async function wantedLevels(
  { db, settings }: Pick<CanaryParts, "db" | "settings">,
  level: DatabaseLevel | undefined,
): Promise<LevelInUse[]> {
  const inUse = await selectLevelsInUse(db);
  // A canary at `dedicated` is a server of its own, which is more than a look is worth unless it was asked for.
  const wanted = inUse.filter((one) =>
    level === undefined ? one.level !== "dedicated" : one.level === level,
  );
  if (wanted.length > 0) return wanted;
  const app = await selectReadyApp(db, await settings.get<string>(db, "defaultApp"));
  if (!app) return [];
  return [{ ...app, level: level ?? (await settings.get<DatabaseLevel>(db, "defaultIsolation")) }];
}

/** Of all environments one application may have, the slug tells which canary it is. */
function slugOf({ level, appId }: LevelInUse, which: "a" | "b"): string {
  return `${canarySlugPrefix}${level}-${encodeUuid(appId).slice(-8)}-${which}`;
}

const isReady = ({ status, environmentStatus, isLeftBehind }: CanaryRow): boolean =>
  status === "active" && environmentStatus === "ready" && !isLeftBehind;

/**
 * Sees to it that there is a pair at each of these; answers when to look again while some are under way. One that stands
 * in another state than ready, or couldn't follow its application's releases, is made anew, once a verification.
 */
export async function ensureCanaries(
  parts: CanaryParts,
  context: Pick<StepContext, "operationId" | "db">,
  levels: readonly LevelInUse[],
): Promise<Waiting | undefined> {
  const present = new Map((await selectCanaries(context.db)).map((canary) => [canary.slug, canary]));
  let underWay = false;
  for (const level of levels) {
    for (const which of ["a", "b"] as const) {
      const slug = slugOf(level, which);
      const canary = present.get(slug);
      if (canary && isReady(canary)) continue;
      if (canary?.status === "failed" && timeOf(canary.tenantId) > timeOf(context.operationId)) continue;
      underWay = true;
      if (!canary) await createInternalTenant(parts, { slug, name: "Tenantry canary", ...level });
      else if (!["provisioning", "deleting", "purging"].includes(canary.status)) await remove(parts, canary);
    }
  }
  if (!underWay || Date.now() - timeOf(context.operationId) > mostWaitMs) return undefined;
  return { waitUntil: new Date(Date.now() + lookAgainMs), message: "Waiting for the canaries" };
}

/** The pairs that stand, of those that were wanted. */
export async function standingPairs(db: Db, levels: readonly LevelInUse[]): Promise<CanaryPair[]> {
  const ready = new Map((await selectCanaries(db)).filter(isReady).map((canary) => [canary.slug, canary]));
  return levels.flatMap((level) => {
    const [a, b] = [ready.get(slugOf(level, "a")), ready.get(slugOf(level, "b"))];
    return a && b ? [{ ...level, a, b }] : [];
  });
}

/** Begins to remove all canaries. Repeatable. */
export async function removeCanaries(parts: CanaryParts): Promise<void> {
  for (const canary of await selectCanaries(parts.db)) {
    if (["provisioning", "deleting", "purging"].includes(canary.status)) continue;
    await remove(parts, canary);
  }
}

async function remove(parts: CanaryParts, { slug }: SubjectRow): Promise<void> {
  const options = { now: true, requestedBy: "tenantry", check: () => undefined };
  await deleteTenant(parts, slug, options).catch((error: unknown) => {
    // Somebody else removes it, or something is being done to it: next time.
    if (!hasCode(error, "tenant_not_found") && !hasCode(error, "operation_in_progress")) throw error;
  });
}

import type { DatabaseLevel, PromotionHours, PromotionRule } from "@tenantry/contract";
import type { Log } from "../../infra/log/index.ts";
import { type Clock, showId, TenantryError } from "../../kernel/index.ts";
import type { Placements } from "../placements/index.ts";
import type { Settings } from "../settings/index.ts";
import { type MoveDependencies, moveEnvironment } from "./moves.ts";
import { isWithin, lowestLimits, ruleFor } from "./promotion-rules.ts";
import {
  type PromotableRow,
  selectBusyServers,
  selectPromotable,
  selectRuleSettings,
} from "./promotions.sql.ts";

export type PromotionParts = MoveDependencies & {
  log: Log;
  settings: Pick<Settings, "get">;
  placements: Pick<Placements, "sizesIn">;
  clock: Clock;
};

/** An environment that has outgrown its level. */
export type Due = PromotableRow & {
  to: DatabaseLevel;
  bytes: number;
  whenBytesAbove: number;
  /** Whether its hours are now. */
  isOpen: boolean;
};

/** So many servers are asked for sizes at once. */
const serversAtOnce = 4;

/** Everybody who has outgrown his level by a rule, the largest first. A server that doesn't answer is passed over. */
export async function findDue(parts: PromotionParts): Promise<Due[]> {
  const { db, settings } = parts;
  const set = (await selectRuleSettings(db)).flat() as PromotionRule[];
  const rules = [...(await settings.get<PromotionRule[]>(db, "promotions")), ...set];
  const limits = lowestLimits(rules);
  if (limits.size === 0) return [];
  const rows = await selectPromotable(db, [...limits.keys()]);
  const servers = [...Map.groupBy(rows, ({ serverId }) => serverId).values()].values();
  const found: Due[] = [];
  const lane = async () => {
    for (const onServer of servers) found.push(...(await dueOn(parts, onServer, limits)));
  };
  await Promise.all(Array.from({ length: serversAtOnce }, lane));
  return found.sort((one, other) => other.bytes - one.bytes);
}

async function dueOn(
  parts: PromotionParts,
  rows: readonly PromotableRow[],
  limits: ReadonlyMap<DatabaseLevel, number>,
): Promise<Due[]> {
  const { db, log, placements } = parts;
  const due: Due[] = [];
  for (const inDatabase of Map.groupBy(rows, ({ databaseId }) => databaseId).values()) {
    const [{ serverId, level, ...database }] = inDatabase as [PromotableRow];
    const sizes = await placements.sizesIn(db, { serverId, level, ...database }).catch((error: Error) => {
      log.warn({ serverId, error: error.message }, "promotions.not_measured");
      return undefined;
    });
    if (!sizes) continue;
    for (const row of inDatabase) {
      const bytes = sizes.of(row.environmentId) ?? 0;
      if (bytes <= limits.get(level)!) continue;
      const one = await judge(parts, row, bytes);
      if (one) due.push(one);
    }
  }
  return due;
}

/** By the rules that hold for the tenant itself, which may have none. */
async function judge(
  { db, settings, clock }: PromotionParts,
  row: PromotableRow,
  bytes: number,
): Promise<Due | undefined> {
  const { tenantId, level } = row;
  const rule = ruleFor(await settings.get<PromotionRule[]>(db, "promotions", { tenantId }), { level, bytes });
  if (!rule) return undefined;
  const hours = await settings.get<PromotionHours>(db, "promotionHours", { tenantId });
  const { to, whenBytesAbove } = rule;
  return { ...row, to, bytes, whenBytesAbove, isOpen: isWithin(hours, clock.now(), row.timezone) };
}

/**
 * Begins to move those who have outgrown their level and whose hours are now: one at a time from each server. Who can't be
 * moved is told in the log.
 */
export async function promoteDue(parts: PromotionParts): Promise<void> {
  const due = (await findDue(parts)).filter(({ isOpen }) => isOpen);
  if (due.length === 0) return;
  const busy = new Set(await selectBusyServers(parts.db));
  for (const one of due) {
    // Whoever can't be moved doesn't keep the next ones from it.
    if (!busy.has(one.serverId) && (await promote(parts, one))) busy.add(one.serverId);
  }
}

/** Answers whether it has begun. */
async function promote(parts: PromotionParts, due: Due): Promise<boolean> {
  const { tenantId, environment, level, to, bytes, whenBytesAbove } = due;
  const tenant = showId("tnt", tenantId);
  const requestedBy = `rule: ${level} to ${to} above ${whenBytesAbove.toLocaleString("en")} bytes`;
  try {
    await moveEnvironment(
      parts,
      { tenant, environment },
      { isolation: { database: to } },
      { requestedBy, promotion: { bytes, whenBytesAbove } },
    );
    return true;
  } catch (error) {
    if (!(error instanceof TenantryError)) throw error;
    parts.log.warn({ tenantId, to, error: error.message }, "promotions.refused");
    return false;
  }
}

import type { DatabaseLevel, PromotionHours, PromotionRule } from "@tenantry/contract";
import { bytesOf } from "@tenantry/data";

/** The rule that an environment of that size has outgrown: of several the one with the highest limit. */
export function ruleFor(
  rules: readonly PromotionRule[],
  { level, bytes }: { level: DatabaseLevel; bytes: number },
): { to: DatabaseLevel; whenBytesAbove: number } | undefined {
  return rules
    .map(({ from, to, whenBytesAbove }) => ({ from, to, whenBytesAbove: bytesOf(whenBytesAbove)! }))
    .filter(({ from, whenBytesAbove }) => from === level && bytes > whenBytesAbove)
    .sort((one, other) => other.whenBytesAbove - one.whenBytesAbove)[0];
}

/** Below these sizes no rule moves anybody, by level. */
export function lowestLimits(rules: readonly PromotionRule[]): Map<DatabaseLevel, number> {
  const lowest = new Map<DatabaseLevel, number>();
  for (const { from, whenBytesAbove } of rules)
    lowest.set(from, Math.min(lowest.get(from) ?? Number.POSITIVE_INFINITY, bytesOf(whenBytesAbove)!));
  return lowest;
}

/** Whether a tenant may be moved at a moment, by the clock where it is. Hours may go past midnight. */
export function isWithin({ from, to }: PromotionHours, now: Date, timeZone: string): boolean {
  const hour = Number(
    new Intl.DateTimeFormat("en", { timeZone, hour: "numeric", hourCycle: "h23" }).format(now),
  );
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}

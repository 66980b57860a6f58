import type { Action, TenantPlan } from "../../manifest/plan.ts";
import type { Look } from "../../output/look.ts";
import { type Cell, table } from "../../output/table.ts";

/** A row for each field that changes; then what stays, and what can't be done. */
export function showPlans(plans: readonly TenantPlan[], look: Look): string {
  const rows = plans.filter(({ actions }) => actions.length > 0).flatMap(rowsOf);
  const parts = rows.length > 0 ? [table(look, ["tenant", "what", "field", "from", "to"], rows)] : [];
  parts.push(summary(plans));
  const refused = plans.flatMap(({ slug, refusals }) =>
    refusals.map(({ at, field, reason, remedy }) =>
      [...(at ? [at] : []), slug, field, `${reason}\n  ${remedy}`].join(": "),
    ),
  );
  if (refused.length > 0) parts.push(refused.join("\n"));
  return parts.join("\n\n");
}

function rowsOf({ slug, actions, changes }: TenantPlan): Cell[][] {
  const what = actions.map((action) => words[action]).join(", ");
  if (changes.length === 0) return [[slug, what, null, null, null]];
  return changes.map(({ field, from, to }, index) => [
    index === 0 ? slug : { text: " " },
    index === 0 ? what : { text: " " },
    field,
    asText(from),
    asText(to),
  ]);
}

const words: Record<Action, string> = {
  create: "create",
  wait: "wait until it is made",
  change: "change",
  move: "move",
  suspend: "suspend",
  resume: "resume",
};

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** How many tenants each thing happens to. */
export function countsOf(plans: readonly TenantPlan[]): Record<Action | "unchanged" | "refused", number> {
  const counts = { create: 0, wait: 0, change: 0, move: 0, suspend: 0, resume: 0, unchanged: 0, refused: 0 };
  for (const { actions, refusals } of plans) {
    if (refusals.length > 0) counts.refused += 1;
    else if (actions.length === 0) counts.unchanged += 1;
    for (const action of actions) counts[action] += 1;
  }
  return counts;
}

function summary(plans: readonly TenantPlan[]): string {
  const { create, wait, change, move, suspend, resume, unchanged, refused } = countsOf(plans);
  const parts = [
    `${create} to create`,
    `${change} to change`,
    `${suspend} to suspend`,
    `${resume} to resume`,
  ];
  if (move > 0) parts.push(`${move} to move`);
  if (wait > 0) parts.push(`${wait} being made`);
  if (refused > 0) parts.push(`${refused} refused`);
  return `Plan: ${[...parts, `${unchanged} unchanged`].join(", ")}. Tenants that aren't declared stay as they are.`;
}

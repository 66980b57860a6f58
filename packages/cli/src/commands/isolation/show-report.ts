import type { IsolationAttempt, SignedIsolationReport } from "@tenantry/contract";
import type { Look } from "../../output/look.ts";
import { at, type Cell, fields, state, table } from "../../output/table.ts";

/** A report for people: a line for each probe, and all that got through or couldn't be tried. */
export function showReport({ report, signature }: SignedIsolationReport, look: Look): string {
  const { counts, attempts, scope } = report;
  const amiss = attempts.filter(({ outcome }) => outcome === "breach");
  const untried = attempts.filter(({ outcome }) => outcome === "failed");
  const skipped = attempts.filter(({ outcome }) => outcome === "skipped");
  return [
    fields(look, [
      ["Report", report.id],
      ["Verdict", state(report.verdict)],
      ["Ended", at(report.endedAt)],
      ["Took", `${Date.parse(report.endedAt) - Date.parse(report.startedAt)} ms`],
      ["About", scope.tenant ?? `${scope.canaries.join(", ")}; ${scope.sample} tenants at most`],
      [
        "Attempts",
        `${attempts.length}: ${counts.refused} refused, ${counts.sound} sound, ${counts.breach} got through, ${counts.failed} failed, ${counts.skipped} had nothing to try`,
      ],
      ["Signed by", signature.keyId],
    ]),
    table(look, ["probe", "attempts", "outcome", "tried"], byProbe(attempts)),
    ...(amiss.length === 0 ? [] : [`What got through:\n${amiss.map(told).join("\n")}`]),
    ...(untried.length === 0
      ? []
      : [`What should have been tried, and couldn't be:\n${untried.map(told).join("\n")}`]),
    ...(skipped.length === 0 ? [] : [`Where there was nothing to try:\n${skipped.map(told).join("\n")}`]),
  ].join("\n\n");
}

const worst = ["breach", "failed", "skipped", "refused", "sound"] as const;

function byProbe(attempts: readonly IsolationAttempt[]): Cell[][] {
  return [...Map.groupBy(attempts, ({ probe }) => probe)].map(([probe, list]) => {
    const outcome = worst.find((one) => list.some((attempt) => attempt.outcome === one))!;
    const tried =
      list.length === 1 || !probe.startsWith("api.operator") ? list[0]!.tried : "every operator's route";
    return [probe, list.length, { text: outcome, tone: toneOf(outcome) }, tried];
  });
}

function toneOf(outcome: (typeof worst)[number]): "bad" | "busy" | "good" {
  if (outcome === "breach" || outcome === "failed") return "bad";
  return outcome === "skipped" ? "busy" : "good";
}

function told({ probe, from, to, tried, answer, remedy }: IsolationAttempt): string {
  const lines = [`${probe}: ${from} → ${to}`, `  ${tried}`, `  ${answer}`];
  return [...lines, ...(remedy === null ? [] : [`  ${remedy}`])].join("\n");
}

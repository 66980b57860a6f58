import type { DatabaseLevel } from "@tenantry/contract";
import { failure } from "../../../../kernel/index.ts";
import type { AppMigration } from "../../driver.ts";
import type { Finding } from "./finding.ts";
import { located } from "./locate.ts";

const mostTold = 3;

/** Throws `isolation_unavailable` where a level can't hold what an application's migrations make, with the first places. */
export function refuseUnheld(
  level: DatabaseLevel,
  findings: readonly Finding[],
  migrations: readonly AppMigration[],
): void {
  const refused = findings
    .filter((finding) => finding.level === level && finding.severity === "refused")
    .map((finding) => (finding.file === undefined ? located(finding, migrations) : finding));
  const [first] = refused;
  if (!first) return;
  const words = refused.slice(0, mostTold).map(({ object, problem, file, line }) => {
    const place = file === undefined ? "" : `${file}, line ${line}, `;
    return `${place}${object}: ${problem}`;
  });
  const more = refused.length > mostTold ? ` And ${refused.length - mostTold} more.` : "";
  const { file, line } = first;
  throw failure("isolation_unavailable", {
    detail: `The level "${level}" can't hold what the migrations make. ${words.join(" ")}${more}`,
    remedy: `${first.remedy} Or use the level "database". \`tenantry schema check\` names every place.`,
    ...(file === undefined ? {} : { extra: { file, line } }),
  });
}

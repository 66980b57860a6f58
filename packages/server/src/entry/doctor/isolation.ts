import { selectStanding } from "../../features/isolation/index.ts";
import type { Db } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { type Finding, ok, problem, warning } from "./check.ts";

/** Whether a verification got from one tenant to another. */
export async function checkIsolation(db: Db): Promise<Finding> {
  const standing = await selectStanding(db);
  if (!standing) return ok("isolation", "Not verified yet: `tenantry isolation verify` tries it.");
  const { breaches, reportId, verifiedAt, failed, newestId } = standing;
  if (reportId !== null) {
    const id = showId("rpt", reportId);
    return problem(
      "isolation",
      `${breaches} attempts got from one tenant to another, or found that somebody could: report ${id}.`,
      `Do what \`tenantry isolation report ${id}\` says, then verify again.`,
    );
  }
  if (failed > 0) {
    return warning(
      "isolation",
      `${failed} attempts of the newest verification couldn't be made: nobody knows whether they would get through.`,
      `See what \`tenantry isolation report ${showId("rpt", newestId)}\` says of them, then verify again.`,
    );
  }
  return ok("isolation", `Verified at ${verifiedAt.toISOString()}: no tenant reaches another.`);
}

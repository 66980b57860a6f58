import { countOperations } from "../../features/operations/index.ts";
import type { Db } from "../../infra/db/index.ts";
import { type Finding, ok, problem, warning } from "./check.ts";

/** Whether operations wait for somebody: stopped, without progress, or failed lately. */
export async function checkOperations(db: Db): Promise<Finding[]> {
  const { open, stuck, failedLately } = await countOperations(db);
  const waiting = open.find(({ status }) => status === "needs_operator")?.count ?? 0;
  const findings = [
    waiting > 0 &&
      problem(
        "operations",
        `${waiting} can't go on before an operator has looked at them.`,
        "See `tenantry operation list --status needs_operator --internal`, mend the cause, and retry them.",
      ),
    stuck > 0 &&
      problem(
        "operations",
        `${stuck} made no progress for too long.`,
        "See `tenantry status`; look whether a worker runs, and what they wait for; or cancel them.",
      ),
    failedLately > 0 &&
      warning(
        "operations",
        `${failedLately} failed within the last day.`,
        "See `tenantry operation list --status failed`.",
      ),
  ].filter((finding) => finding !== false);
  return findings.length > 0 ? findings : [ok("operations", "None is stuck, and none failed within a day.")];
}

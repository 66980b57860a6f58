import type { DatabaseLevel, IsolationReportSummary } from "@tenantry/contract";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure, parseId, showId } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { findTenant } from "../tenants/index.ts";
import { type CanaryParts, removeCanaries } from "./canaries.ts";
import {
  isVerificationDue,
  lockVerifications,
  type ReportRow,
  selectOpenVerification,
  selectReport,
} from "./reports.sql.ts";
import { type VerifyInput, verifyKind } from "./workflows.ts";

type Parts = { db: Db; settings: Settings; verify: Workflow<VerifyInput> };

/** Starts a verification and answers its operation's UUID. Throws `operation_in_progress` while there is another. */
export async function startVerification(
  { db, settings, verify }: Parts,
  wanted: { tenant?: string | undefined; level?: DatabaseLevel | undefined; sample?: number | undefined },
  requestedBy: string,
): Promise<string> {
  const tenant = wanted.tenant === undefined ? undefined : await findTenant(db, wanted.tenant);
  const sample = wanted.sample ?? (await settings.get<number>(db, "isolationSampleSize"));
  const input: VerifyInput = {
    sample,
    ...(tenant && { tenantId: tenant.id }),
    ...(wanted.level && { level: wanted.level }),
  };
  return inTransaction(db, async (tx) => {
    await lockVerifications(tx);
    const open = await selectOpenVerification(tx, verifyKind);
    if (open) {
      throw failure("operation_in_progress", {
        detail: "There is a verification under way.",
        extra: { operationId: showId("op", open) },
      });
    }
    return startOperation(tx, { workflow: verify, input, requestedBy });
  });
}

/**
 * Starts a verification when the last one lies as long back as the setting `isolationVerifyEveryHours` says; where that
 * is 0, removes the canaries instead. Safe to repeat, also beside itself.
 */
export async function verifyWhenDue(parts: Parts & CanaryParts & { log: Log }): Promise<void> {
  const { db, settings, verify, log } = parts;
  const hours = await settings.get<number>(db, "isolationVerifyEveryHours");
  if (hours === 0) return removeCanaries(parts);
  const sample = await settings.get<number>(db, "isolationSampleSize");
  const started = await inTransaction(db, async (tx) => {
    await lockVerifications(tx);
    if (await selectOpenVerification(tx, verifyKind)) return false;
    if (!(await isVerificationDue(tx, verifyKind, hours))) return false;
    await startOperation(tx, { workflow: verify, input: { sample }, requestedBy: "schedule" });
    return true;
  });
  if (started) log.info({ everyHours: hours, sample }, "isolation.verification_due");
}

export function showSummary(row: ReportRow): IsolationReportSummary {
  const { id, operationId, verdict, attempts, breaches, failed, skipped, startedAt, endedAt } = row;
  return {
    id: showId("rpt", id),
    operationId: showId("op", operationId),
    verdict,
    attempts,
    breaches,
    failed,
    skipped,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
  };
}

/** Throws `report_not_found`. */
export async function findReport(db: Db, id: string) {
  const uuid = parseId("rpt", id);
  const report = uuid && (await selectReport(db, uuid));
  if (!report) throw failure("report_not_found");
  return report;
}

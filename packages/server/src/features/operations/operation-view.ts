import type { OperationReply } from "@tenantry/contract";
import { showId } from "../../kernel/index.ts";
import type { OperationRow, StepRow } from "./operations.sql.ts";

/** An operation as the API shows it. */
export function viewOperation(row: OperationRow): OperationReply {
  const { kind, status, progress, message, error, requestedBy } = row;
  return {
    id: showId("op", row.id),
    kind,
    status,
    tenantId: row.tenantId && showId("tnt", row.tenantId),
    environmentId: row.environmentId && showId("env", row.environmentId),
    progress,
    message,
    error,
    steps: row.steps.map(viewStep),
    requestedBy,
    waitUntil: row.waitUntil?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

function viewStep({
  name,
  title,
  status,
  attempt,
  error,
  ...times
}: StepRow): OperationReply["steps"][number] {
  const startedAt = times.startedAt === null ? null : new Date(times.startedAt);
  const endedAt = times.endedAt === null ? null : new Date(times.endedAt);
  return {
    name,
    title,
    status,
    attempt,
    error,
    startedAt: startedAt?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
    tookMs: startedAt && endedAt ? endedAt.getTime() - startedAt.getTime() : null,
  };
}

import type { OperationReply } from "@tenantry/contract";
import type { RecordedError } from "../../infra/workflow/index.ts";
import { showId } from "../../kernel/index.ts";
import type { OperationRow, StepRow } from "./operations.sql.ts";

/** An operation as the API shows it. */
export function viewOperation(row: OperationRow): OperationReply {
  const { kind, status, progress, message, requestedBy } = row;
  return {
    id: showId("op", row.id),
    kind,
    status,
    tenantId: row.tenantId && showId("tnt", row.tenantId),
    environmentId: row.environmentId && showId("env", row.environmentId),
    progress,
    message,
    error: viewError(row),
    steps: row.steps.map(viewStep),
    requestedBy,
    waitUntil: row.waitUntil?.toISOString() ?? null,
    stuckSince: row.stuckSince?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

/** What keeps one from going on is what an operator has to mend: undoing that failed, or else the step itself. */
function viewError({ id, status, error, steps }: OperationRow): RecordedError | null {
  if (status !== "needs_operator") return error;
  const stuck = steps.find((step) => step.status === "undoing");
  const found = stuck?.error ?? error;
  const goesOn = stuck ? "it goes on undoing where it got stuck" : "it goes on where it stopped";
  const then = `Mend the cause, then run \`tenantry operation retry ${showId("op", id)}\`: ${goesOn}.`;
  return found && { ...found, remedy: found.remedy ? `${found.remedy} ${then}` : then };
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

import { showId } from "../../kernel/index.ts";
import { inTransaction, type Tx } from "../db/index.ts";
import { recordEvent } from "../events/index.ts";
import type { RecordedError } from "./failure.ts";
import type { Written } from "./fenced-write.ts";
import type { Run } from "./run.ts";

/** After the workflow's own last word: that may publish to every stream, and begins with the one for events. */
export async function recordFailed(tx: Tx, run: Run): Promise<void> {
  await record(tx, run, "operation.failed", run.operation.error?.code ?? "operation_failed");
}

/** Does a write after which an operator may have to look, and tells of it if so: in the outbox and in the log. */
export async function tellIfNeedsOperator(
  run: Run,
  error: RecordedError,
  write: (tx: Tx) => Written,
): Written {
  const { db, log } = run.settings;
  const status = await inTransaction(db, async (tx) => {
    const written = await write(tx);
    if (written === "needs_operator") await record(tx, run, "operation.needs_operator", error.code);
    return written;
  });
  if (status === "needs_operator")
    log.error({ operationId: run.id, kind: run.operation.kind, error }, "operation.needs_operator");
  return status;
}

async function record(
  tx: Tx,
  { id, operation }: Run,
  name: "operation.failed" | "operation.needs_operator",
  reason: string,
): Promise<void> {
  const { kind, tenantId, environmentId } = operation;
  await recordEvent(tx, {
    name,
    ...(tenantId && { tenantId }),
    ...(environmentId && { environmentId }),
    data: { operationId: showId("op", id), kind, reason },
  });
}

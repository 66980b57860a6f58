import type { OperationStatus } from "@tenantry/contract";
import { inTransaction } from "../db/index.ts";
import { LeaseLost, type Outcome } from "./definition.ts";
import { writeEnded, writePostponed, writeReleased, writeStepDone } from "./ledger.sql.ts";
import type { EndedStatus } from "./operation-state.ts";
import { recordFailed } from "./outcry.ts";
import type { Run } from "./run.ts";

/** What a step leaves to do: go on with the operation, or let go of it, since the ledger says when it goes on. */
export type Afterwards = "go on" | "let go";

/** An end that can't be written now (its hook fails) is tried again after this time, for as long as it takes. */
const endRetryMs = 5_000;

/** Lets go so that another worker goes on right away. */
export async function release(run: Run): Promise<Afterwards> {
  run.accept(await writeReleased(run.settings.db, run, run.begun));
  return "let go";
}

/**
 * Writes the end, and with it, in one transaction, the last step's result (when `last` is given) and the workflow's
 * own last word. When the operation was turned back in the meantime, nothing ends, and the way leads back.
 */
export async function end(
  run: Run,
  status: EndedStatus,
  last?: { ordinal: number; result: unknown },
): Promise<Afterwards> {
  const { db, log } = run.settings;
  let ended: OperationStatus | undefined;
  try {
    ended = await inTransaction(db, async (tx) => {
      if (last)
        run.accept(
          await writeStepDone(tx, run, { ...last, progress: 1 }, undefined, { lazy: false, tell: false }),
        );
      const from = status === "failed" ? "undoing" : status === "cancelled" ? "cancelling" : "running";
      const written = await writeEnded(tx, run, from, status);
      if (!written) return undefined;
      await run.workflow.ended?.(tx, outcomeOf(run, status));
      if (status === "failed" && !run.operation.internal) await recordFailed(tx, run);
      return written;
    });
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    return postpone(run, error);
  }
  if (last) Object.assign(run.steps[last.ordinal]!, { status: "done", result: last.result });
  if (ended) {
    const tookMs = Date.now() - run.operation.startedAt.getTime();
    const about = { operationId: run.id, kind: run.operation.kind, tookMs };
    if (status === "failed") log.error({ ...about, error: run.operation.error }, "operation.failed");
    else log.info(about, `operation.${status}`);
    return "let go";
  }
  return last ? "go on" : release(run);
}

async function postpone(run: Run, error: unknown): Promise<Afterwards> {
  run.settings.log.error({ operationId: run.id, kind: run.operation.kind, error }, "operation.end_failed");
  const message = `Its end can't be recorded yet: ${(error as Error).message}`;
  run.accept(await writePostponed(run.settings.db, run, endRetryMs, message));
  run.settings.wakeIn(endRetryMs);
  return "let go";
}

function outcomeOf(run: Run, status: EndedStatus): Outcome {
  const { operation } = run;
  return {
    operationId: run.id,
    tenantId: operation.tenantId ?? undefined,
    environmentId: operation.environmentId ?? undefined,
    input: operation.input as Record<string, unknown>,
    status,
    error: status === "failed" ? (operation.error ?? undefined) : undefined,
  };
}

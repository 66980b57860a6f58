import { openContext } from "./context.ts";
import { LeaseLost } from "./definition.ts";
import { recordError, retryDelayMs } from "./failure.ts";
import { type Afterwards, release } from "./finish.ts";
import { tellIfNeedsOperator } from "./outcry.ts";
import type { Run } from "./run.ts";
import { writeUndoBegun, writeUndoFailed, writeUndone } from "./undo.sql.ts";

/** What was made must go: undoing is tried more often than running before an operator is asked. */
const undoAttempts = 8;

/** One attempt at undoing one step, and the record of how it went. */
export async function undoStep(run: Run, ordinal: number): Promise<Afterwards> {
  const step = run.workflow.steps[ordinal]!;
  const row = run.steps[ordinal]!;
  const { db } = run.settings;
  if (step.undo) {
    const attempt = await writeUndoBegun(db, run, ordinal, `Undoing: ${step.title}`);
    run.accept(attempt === undefined ? undefined : run.status);
    Object.assign(row, { status: "undoing", attempt });
    const { context, settle } = openContext(run, ordinal, run.signalForUndo());
    try {
      await step.undo(context);
      await settle("done");
    } catch (error) {
      await settle("not done");
      return undoFailed(run, ordinal, error);
    }
  }
  // One that has nothing to take back was cut off while it ran.
  const status = step.undo ? "undone" : "failed";
  run.accept(await writeUndone(db, run, ordinal, status));
  row.status = status;
  return "go on";
}

async function undoFailed(run: Run, ordinal: number, error: unknown): Promise<Afterwards> {
  if (run.isLost || error instanceof LeaseLost) {
    run.lose();
    throw new LeaseLost(run.id);
  }
  if (run.isShutDown) return release(run);
  const { log, retryBaseMs, wakeIn } = run.settings;
  const { name, attempt } = run.steps[ordinal]!;
  log.warn({ operationId: run.id, step: name, attempt, error }, "operation.undo_failed");
  const delayMs = attempt < undoAttempts ? retryDelayMs(attempt, retryBaseMs) : undefined;
  const recorded = recordError(error);
  run.accept(
    await tellIfNeedsOperator(run, recorded, (tx) => writeUndoFailed(tx, run, ordinal, recorded, delayMs)),
  );
  if (delayMs !== undefined) wakeIn(delayMs);
  return "let go";
}

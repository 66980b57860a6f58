import { selectSteps } from "./claim.sql.ts";
import { LeaseLost } from "./definition.ts";
import { type Afterwards, end, release } from "./finish.ts";
import { writePostponed } from "./ledger.sql.ts";
import { nextAction } from "./plan.ts";
import type { Run } from "./run.ts";
import { runStep } from "./run-step.ts";
import { undoStep } from "./undo-step.ts";

const interruptedForMs = 5_000;

/**
 * Drives one claimed operation as far as it goes: to its end, to a wait, to the worker's shutdown, or to the loss of
 * its lease. Steps run one after the other under one claim; each result is recorded before the next step begins.
 * Never throws: what can't be recorded is left to whoever claims the operation next.
 */
export async function runOperation(run: Run): Promise<void> {
  const { log } = run.settings;
  const about = { operationId: run.id, kind: run.operation.kind, fence: run.fence };
  try {
    await loadSteps(run);
    log.debug(about, "operation.taken");
    while ((await proceed(run)) === "go on");
  } catch (error) {
    if (error instanceof LeaseLost) log.warn(about, "operation.lease_lost");
    else
      await interrupt(run, error).catch((cause) =>
        log.error({ ...about, error: cause }, "operation.dropped"),
      );
  } finally {
    run.telling.end();
  }
}

/** The ledger couldn't be written: someone, or we again, reads in a while how it stands. */
async function interrupt(run: Run, error: unknown): Promise<void> {
  run.settings.log.error({ operationId: run.id, kind: run.operation.kind, error }, "operation.interrupted");
  const message = `Interrupted: ${error instanceof Error ? error.message : String(error)}`;
  await writePostponed(run.settings.db, run, interruptedForMs, message);
}

async function loadSteps(run: Run): Promise<void> {
  const defined = run.workflow.steps;
  if (run.fence === 1) {
    run.steps = defined.map(({ name }) => ({ name, status: "pending", attempt: 0, result: null }));
    return;
  }
  run.steps = await selectSteps(run.settings.db, run.id);
  const recorded = run.steps.map(({ name }) => name).join();
  if (recorded !== defined.map(({ name }) => name).join())
    throw new Error(
      `${run.workflow.kind}@${run.workflow.version} has other steps than this operation (${recorded}): raise its version.`,
    );
}

async function proceed(run: Run): Promise<Afterwards> {
  if (run.isLost) throw new LeaseLost(run.id);
  const action = nextAction(
    run.status,
    run.steps.map(({ status }, ordinal) => ({ status, stays: !run.workflow.steps[ordinal]?.undo })),
  );
  if (action.type === "leave") return "let go";
  if (action.type === "end") return end(run, action.status);
  if (run.settings.isDraining() || run.isShutDown) return release(run);
  return action.type === "undo" ? undoStep(run, action.ordinal) : runStep(run, action.ordinal);
}

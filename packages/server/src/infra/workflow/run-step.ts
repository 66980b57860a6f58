import { hasCode } from "../../kernel/index.ts";
import { openContext } from "./context.ts";
import { awaitCancel, isPastReturn } from "./control.sql.ts";
import { isWaiting, LeaseLost, type Step, type Waiting } from "./definition.ts";
import { isWorthRetrying, recordError, retryDelayMs } from "./failure.ts";
import { type Afterwards, end, release } from "./finish.ts";
import { writeStepBegun, writeStepDone, writeStepFailed, writeStepWaits } from "./ledger.sql.ts";
import { tellIfNeedsOperator } from "./outcry.ts";
import type { Run } from "./run.ts";

const defaultAttempts = 3;
/** With the pauses between them, a server that is restarted has half a minute. */
const attemptsWhenAway = 7;

/** A step during which worker after worker dies is given up after this many beyond its ordinary attempts. */
const deathsAllowed = 5;

/** One attempt at one step, and the record of how it went. */
export async function runStep(run: Run, ordinal: number): Promise<Afterwards> {
  const step = run.workflow.steps[ordinal]!;
  const row = run.steps[ordinal]!;
  const { db } = run.settings;
  if (run.begun !== ordinal) {
    run.accept(await writeStepBegun(db, run, { ordinal, message: step.title }, optionsOf(run)));
    if (run.status !== "running") return "go on";
    begin(run, ordinal);
  }
  const { context, settle } = openContext(run, ordinal, run.signalForStep());
  let result: unknown;
  try {
    if (row.attempt > attemptsOf(run) + deathsAllowed)
      throw new Error(`Its worker died during it, again and again (${row.attempt - 1} times).`);
    result = await step.run(context);
    await settle(isWaiting(result) ? "not done" : "done");
  } catch (error) {
    await settle("not done");
    return stepFailed(run, ordinal, step, error);
  }
  return isWaiting(result) ? stepWaits(run, ordinal, result) : stepDone(run, ordinal, result);
}

async function stepDone(run: Run, ordinal: number, result: unknown): Promise<Afterwards> {
  const { steps } = run.workflow;
  const following = steps[ordinal + 1];
  if (!following) return end(run, "succeeded", { ordinal, result });
  const next = run.settings.isDraining() ? undefined : { ordinal: ordinal + 1, message: following.title };
  const done = { ordinal, result, progress: (ordinal + 1) / steps.length };
  run.accept(await writeStepDone(run.settings.db, run, done, next, optionsOf(run)));
  // As the ledger gives it to whoever goes on: a result is what JSON keeps of it.
  Object.assign(run.steps[ordinal]!, { status: "done", result: JSON.parse(JSON.stringify(result ?? null)) });
  run.begun = undefined;
  if (next && run.status === "running") begin(run, next.ordinal);
  return "go on";
}

function begin(run: Run, ordinal: number): void {
  const row = run.steps[ordinal]!;
  row.status = "running";
  row.attempt += 1;
  run.begun = ordinal;
}

async function stepWaits(run: Run, ordinal: number, { waitUntil, message }: Waiting): Promise<Afterwards> {
  run.accept(await writeStepWaits(run.settings.db, run, ordinal, { until: waitUntil, message }));
  run.settings.wakeIn(waitUntil.getTime() - Date.now());
  return run.status === "waiting" ? "let go" : "go on";
}

async function stepFailed(run: Run, ordinal: number, step: Step, error: unknown): Promise<Afterwards> {
  if (run.isLost || error instanceof LeaseLost) {
    run.lose();
    throw new LeaseLost(run.id);
  }
  if (run.isShutDown) return release(run);
  const { log, retryBaseMs, wakeIn } = run.settings;
  const row = run.steps[ordinal]!;
  log.warn({ operationId: run.id, step: step.name, attempt: row.attempt, error }, "operation.step_failed");
  const again = isWorthRetrying(error) && row.attempt < attemptsOf(run, error);
  const delayMs = retryDelayMs(row.attempt, retryBaseMs);
  const turn = again ? { to: "waiting" as const, delayMs } : { to: await lastResort(run) };
  const recorded = recordError(error);
  await awaitCancel(run.settings.db, run.id);
  run.accept(
    await tellIfNeedsOperator(run, recorded, (tx) => writeStepFailed(tx, run, ordinal, recorded, turn)),
  );
  row.status = "failed";
  run.begun = undefined;
  run.operation.error = recorded;
  if (run.status === "waiting") wakeIn(delayMs);
  return "go on";
}

/** What can't be undone any more waits for an operator. */
async function lastResort(run: Run): Promise<"undoing" | "needs_operator"> {
  if (run.workflow.onFailure === "stop") return "needs_operator";
  return (await isPastReturn(run.settings.db, run.id)) ? "needs_operator" : "undoing";
}

function optionsOf(run: Run): { lazy: boolean; tell: boolean } {
  return { lazy: run.workflow.lazyLedger ?? false, tell: run.telling.isDue() };
}

function attemptsOf(run: Run, error?: unknown): number {
  return run.workflow.attempts ?? (isAway(error) ? attemptsWhenAway : defaultAttempts);
}

const isAway = (error: unknown): boolean =>
  hasCode(error, "server_unreachable") || hasCode(error, "storage_unavailable");

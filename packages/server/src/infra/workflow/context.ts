import { failure } from "../../kernel/index.ts";
import { inTransaction, type Tx } from "../db/index.ts";
import { LeaseLost, type ResourceName, type StepContext } from "./definition.ts";
import { prolongLease, proveLease, selectHeld } from "./lease.sql.ts";
import { writeNoReturn, writeProgress } from "./ledger.sql.ts";
import { throttleReports } from "./progress.ts";
import { deleteResource, updateResourcePresent, upsertResource } from "./resources.sql.ts";
import type { Run } from "./run.ts";

export type OpenContext = {
  context: StepContext;
  /** Ends progress reports. Throws when the step leaves resources behind that it declared but never settled. */
  settle(outcome: "done" | "not done"): Promise<void>;
};

/** The context of one attempt at one step, or at undoing it. */
export function openContext(run: Run, ordinal: number, signal: AbortSignal): OpenContext {
  const { operation, settings, workflow } = run;
  const { db } = settings;
  const undeclared = new Map<string, ResourceName>();

  function mustHold(held: boolean): void {
    if (held && !run.isLost) return;
    run.lose();
    throw new LeaseLost(run.id);
  }

  const reports = throttleReports(async ({ fraction, message }) => {
    const progress = (ordinal + Math.min(Math.max(fraction, 0), 1)) / workflow.steps.length;
    try {
      const status = await writeProgress(db, run, progress, message);
      if (status === undefined) run.lose();
      else run.hear(status);
    } catch (error) {
      // How far it is matters less than that it goes on; a registry that is away stops it elsewhere.
      settings.log.warn(
        { operationId: run.id, error: (error as Error).message },
        "operation.progress_unwritten",
      );
    }
  });

  const context: StepContext = {
    operationId: run.id,
    tenantId: operation.tenantId ?? undefined,
    environmentId: operation.environmentId ?? undefined,
    input: operation.input as Record<string, unknown>,
    results: resultsOf(run),
    fence: run.fence,
    signal,
    db,
    transaction: (work, { lazy = false } = {}) => fencedTransaction(run, work, { mustHold, lazy }),
    async passPointOfNoReturn(tx) {
      mustHold((await writeNoReturn(tx, run, ordinal)) !== undefined);
    },
    async assertLease() {
      signal.throwIfAborted();
      mustHold(await selectHeld(db, run));
    },
    async progress(fraction, message) {
      await reports.report({ fraction, message });
    },
    async declareResource({ common = false, temporary, ...resource }) {
      const environmentId = common ? undefined : (operation.environmentId ?? undefined);
      const { held, written } = await upsertResource(db, run, { ...resource, environmentId, common });
      mustHold(held);
      if (!written) throw resourceTaken(resource);
      if (!temporary) undeclared.set(keyOf(resource), resource);
    },
    async resourcePresent(name) {
      mustHold(await updateResourcePresent(db, run, name));
      undeclared.delete(keyOf(name));
    },
    async resourceRemoved(name) {
      mustHold(await deleteResource(db, run, name));
      undeclared.delete(keyOf(name));
    },
  };

  async function settle(outcome: "done" | "not done"): Promise<void> {
    await reports.settle();
    const [left] = undeclared.values();
    // Once the operation has ended the sweeper would remove it, though the tenant lives in it.
    if (left && outcome === "done")
      throw new Error(
        `The step declared the ${left.kind} ${left.physicalName} and left it neither present nor removed.`,
      );
  }

  return { context, settle };
}

async function fencedTransaction<Result>(
  run: Run,
  work: (tx: Tx) => Promise<Result>,
  { mustHold, lazy }: { mustHold: (held: boolean) => void; lazy: boolean },
): Promise<Result> {
  const { db, leaseMs } = run.settings;
  return inTransaction(db, async (tx) => {
    const since = performance.now();
    mustHold(await proveLease(tx, run, { leaseMs, lazy }));
    const result = await work(tx);
    // The heartbeat skips the row while we lock it.
    if (performance.now() - since > leaseMs / 3) await prolongLease(tx, run, leaseMs);
    return result;
  });
}

function resultsOf(run: Run): Record<string, unknown> {
  // A step that is being undone still sees what it had made.
  const known = run.steps.filter(
    ({ status, result }) => status === "done" || (status === "undoing" && result !== null),
  );
  return Object.fromEntries(known.map(({ name, result }) => [name, result]));
}

function resourceTaken(resource: ResourceName): Error {
  return failure("busy", {
    detail: `The ${resource.kind} ${resource.physicalName} belongs to another operation, or is being removed.`,
    retryAfterSeconds: 1,
  });
}

function keyOf({ kind, driver, serverId, physicalName }: ResourceName): string {
  return JSON.stringify([kind, driver, serverId ?? null, physicalName]);
}

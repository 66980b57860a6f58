import type { OperationStatus } from "@tenantry/contract";
import type { Db } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import type { ClaimedOperation, StepRow } from "./claim.sql.ts";
import { LeaseLost, type Workflow } from "./definition.ts";
import type { Lease } from "./lease-keeper.ts";
import { tellWatchers } from "./ledger.sql.ts";
import { createTelling, type Telling } from "./telling.ts";

/** What running needs from the worker. */
export type RunSettings = {
  db: Db;
  log: Log;
  leaseMs: number;
  /** Milliseconds before the second attempt; each later one waits twice as long. */
  retryBaseMs: number;
  /** True from the moment the worker drains: go no further than the step at hand. */
  isDraining(): boolean;
  /** Looks for work again at that time, so that nobody has to wait for the next poll. */
  wakeIn(delayMs: number): void;
};

/** Why a step's signal aborts, beside `LeaseLost`. */
export class StepStopped extends Error {
  readonly why: "cancelled" | "shutdown";
  constructor(why: "cancelled" | "shutdown") {
    super(why === "cancelled" ? "The operation was cancelled." : "This worker shuts down.");
    this.name = "StepStopped";
    this.why = why;
  }
}

/** One claim of one operation: from taking it to letting go. It is its own lease. */
export class Run implements Lease {
  readonly id: string;
  readonly fence: number;
  readonly operation: ClaimedOperation;
  readonly workflow: Workflow;
  readonly settings: RunSettings;
  /** As last written or read; kept in step with the ledger. */
  status: OperationStatus;
  steps: StepRow[] = [];
  /** The step that the ledger says is running under this claim. */
  begun: number | undefined;
  readonly telling: Telling;
  #step = new AbortController();
  #stopped: LeaseLost | StepStopped | undefined;

  constructor(operation: ClaimedOperation, workflow: Workflow, settings: RunSettings) {
    this.id = operation.id;
    this.fence = operation.fence;
    this.operation = operation;
    this.workflow = workflow;
    this.settings = settings;
    this.status = operation.status;
    this.telling = createTelling(() => this.#tell());
  }

  async #tell(): Promise<void> {
    try {
      await tellWatchers(this.settings.db, this.id);
    } catch (error) {
      // They look by themselves, too, and without the registry there is nothing to see.
      this.settings.log.debug({ operationId: this.id, error: (error as Error).message }, "operation.untold");
    }
  }

  /** A signal for the next step's `run`; cancelling aborts it. */
  signalForStep(): AbortSignal {
    return this.#nextSignal();
  }

  /** A signal for the next `undo`: that the operation was cancelled is no reason to stop undoing it. */
  signalForUndo(): AbortSignal {
    if (this.#stopped instanceof StepStopped && this.#stopped.why === "cancelled") this.#stopped = undefined;
    return this.#nextSignal();
  }

  #nextSignal(): AbortSignal {
    this.#step = new AbortController();
    if (this.#stopped) this.#step.abort(this.#stopped);
    return this.#step.signal;
  }

  lose(): void {
    this.#stop(new LeaseLost(this.id));
  }

  /** Ends the step at hand because the worker shuts down. */
  shutDown(): void {
    if (!this.#stopped) this.#stop(new StepStopped("shutdown"));
  }

  hear(status: OperationStatus): void {
    if (status === "cancelling" && this.status === "running" && !this.#stopped)
      this.#stop(new StepStopped("cancelled"));
  }

  #stop(reason: LeaseLost | StepStopped): void {
    this.#stopped = reason;
    this.#step.abort(reason);
  }

  get isLost(): boolean {
    return this.#stopped instanceof LeaseLost;
  }

  get isShutDown(): boolean {
    return this.#stopped instanceof StepStopped && this.#stopped.why === "shutdown";
  }

  /** Takes over what a fenced write answered; nothing means that the lease is gone. */
  accept(status: OperationStatus | undefined): void {
    if (status === undefined || this.isLost) {
      this.lose();
      throw new LeaseLost(this.id);
    }
    this.status = status;
  }
}

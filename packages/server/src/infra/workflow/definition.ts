import type { Db, Tx } from "../db/index.ts";

/** What a step works with. Everything that writes goes through `transaction`, which refuses once the lease is lost. */
export type StepContext<Input = Record<string, unknown>> = {
  readonly operationId: string;
  readonly tenantId: string | undefined;
  readonly environmentId: string | undefined;
  readonly input: Input;
  /** The recorded results of the steps done so far, by step name. */
  readonly results: Readonly<Record<string, unknown>>;
  /** Which holder of the operation we are: later holders have a higher one. */
  readonly fence: number;
  /** Aborts when the lease is lost, the operation is cancelled, or the node shuts down. */
  readonly signal: AbortSignal;
  /** For reads. Writes go through `transaction`. */
  readonly db: Db;
  /**
   * One registry transaction that first proves the lease; throws `LeaseLost` instead of writing when it is gone. A lazy
   * one may reach the disk a moment later, with the next that isn't: if the registry crashes before, it never happened.
   * For what is of no consequence outside the registry until then.
   */
  transaction<Result>(work: (tx: Tx) => Promise<Result>, options?: { lazy?: boolean }): Promise<Result>;
  /** From the commit of this transaction on, which is one of `transaction`'s, the operation can't be turned back. */
  passPointOfNoReturn(tx: Tx): Promise<void>;
  /** Throws `LeaseLost` unless this worker still holds the operation. Call right before an outside effect. */
  assertLease(): Promise<void>;
  /** Reports how far this step is (0 to 1) and what it is doing. */
  progress(fraction: number, message?: string): Promise<void>;
  /**
   * Records, before it is made, a thing outside the registry. Repeatable: the same name gives the same row. Throws
   * `busy` (and so the step is tried again) while the sweeper removes that very thing, or when it stands as another
   * operation's and isn't common. A step that is done has told of everything it declared whether it is present or removed.
   */
  declareResource(resource: DeclaredResource): Promise<void>;
  /** The thing stands: the sweeper leaves it alone from now on. */
  resourcePresent(resource: ResourceName): Promise<void>;
  /** The thing is gone: its row goes too. */
  resourceRemoved(resource: ResourceName): Promise<void>;
};

/** A thing that is about to be made. */
type DeclaredResource = ResourceName & {
  detail?: Record<string, unknown>;
  /**
   * The operation's environment is only the first that needs it: it isn't that environment's, and stays when that goes.
   * Whoever comes next may declare it, too, once it stands.
   */
  common?: boolean;
  /** Of use while the step runs, and no longer: should the step leave it behind, it is the sweeper's. */
  temporary?: boolean;
};

/** Names a thing outside the registry: a database, a role, a directory, a process. */
export type ResourceName = { kind: string; driver: string; serverId?: string; physicalName: string };

/** Returned by `run` to wait without holding a worker; the step runs again at `until`. */
export type Waiting = { waitUntil: Date; message?: string };

/** Whether a step's answer says that it waits; its result otherwise. */
export function isWaiting(answer: unknown): answer is Waiting {
  return (
    typeof answer === "object" && answer !== null && "waitUntil" in answer && answer.waitUntil instanceof Date
  );
}

export type Step<Input = Record<string, unknown>> = {
  readonly name: string;
  /** For people: "Create the database". */
  readonly title: string;
  /**
   * Safe to repeat: tolerates that it has run before, wholly or in part. Its JSON result is recorded; a `Waiting` lets
   * go of the worker. An error of the catalogue below 500 (but 429) fails the operation at once, any other one is
   * tried again.
   */
  run(context: StepContext<Input>): Promise<unknown>;
  /** Takes back what `run` did, wholly, in part or not at all. Safe to repeat. Its own result, if any, is in `results`. */
  undo?(context: StepContext<Input>): Promise<void>;
};

export type Workflow<Input = Record<string, unknown>> = {
  /** `tenant.provision` */
  readonly kind: string;
  /** Raised whenever steps change in a way that a half-done operation could notice; workers claim only what they know. */
  readonly version: number;
  readonly steps: readonly Step<Input>[];
  /**
   * After a failure: undo what was done, backwards (default), or stay where it is as `needs_operator` until it is
   * retried (forward) or cancelled (back).
   */
  readonly onFailure?: "undo" | "stop";
  /**
   * The step from whose beginning on the operation can't be cancelled any more; never when left out, unless a step says
   * so itself. One that fails later isn't undone, but needs an operator.
   */
  readonly pointOfNoReturn?: string;
  /**
   * That a step began or is done may reach the disk a moment later, with the step's next durable write: if the registry
   * crashes before, the step runs once more. Only where each outside effect follows a durable write of the same step
   * (`declareResource`, or a `transaction` that isn't lazy).
   */
  readonly lazyLedger?: boolean;
  /** How often a step is tried before it counts as failed. 3 when left out, 7 where a server doesn't answer. */
  readonly attempts?: number;
  /**
   * Runs in the transaction that ends the operation: the last word on the tenant's state. A failed operation may be
   * retried after it, and then begins with its first step again.
   */
  ended?(tx: Tx, outcome: Outcome<Input>): Promise<void>;
};

export type Outcome<Input = Record<string, unknown>> = {
  operationId: string;
  tenantId: string | undefined;
  environmentId: string | undefined;
  input: Input;
  status: "succeeded" | "failed" | "cancelled";
  error?: { code: string; title: string; detail?: string; remedy?: string };
};

/** Puts a workflow's input type behind it: the engine hands `input` on as it was recorded. */
export function defineWorkflow<Input>(workflow: Workflow<Input>): Workflow {
  return workflow as unknown as Workflow;
}

export function step<Input>(name: string, parts: Omit<Step<Input>, "name">): Step<Input> {
  return { name, ...parts };
}

/** This worker no longer holds the operation: stop, and leave everything to whoever does. */
export class LeaseLost extends Error {
  constructor(operationId: string) {
    super(`The lease of operation ${operationId} was lost.`);
    this.name = "LeaseLost";
  }
}

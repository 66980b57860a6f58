import { setTimeout as delay } from "node:timers/promises";
import type { Db, Notifications } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import { type ClaimedOperation, claimOperations } from "./claim.sql.ts";
import { watchDeadHolders } from "./dead-holders.ts";
import type { Workflow } from "./definition.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { Run, type RunSettings } from "./run.ts";
import { runOperation } from "./run-operation.ts";

export type WorkerOptions = {
  db: Db;
  /** The registry's URL, for the connection that keeps the leases. */
  url: string;
  notifications: Notifications;
  workflows: readonly Workflow[];
  log: Log;
  /** Operations run at the same time; 10 when left out. */
  concurrency?: number;
  /** How long an operation stays ours without a sign of life; 10,000 when left out. */
  leaseMs?: number;
  /** How often to look for work that nobody announced; 750 when left out. */
  pollMs?: number;
  /** The wait before a step's second attempt; each later one waits twice as long. 500 when left out. */
  retryBaseMs?: number;
};

export type Worker = {
  /** Resolves once it can claim; throws when the registry can't be reached. */
  start(): Promise<void>;
  /** Claims nothing more, finishes the steps at hand, aborts them after `timeoutMs`, and releases what isn't done. */
  drain(options: { timeoutMs: number }): Promise<void>;
  /** Stops; a step at hand is aborted, and its operation goes to another worker. Repeatable. */
  close(): Promise<void>;
};

/**
 * Takes up operations of the workflows it knows and runs them. Any number of workers may share a registry: each
 * operation is held by one at a time, and a worker that dies or stalls is replaced. It hears of new work at once, and
 * finds what it didn't hear of, or what a dead worker left, by polling.
 */
export function createWorker(options: WorkerOptions): Worker {
  return new OperationWorker(options);
}

/** A step that ignores its signal isn't waited for longer than this; its lease then ends with the connection. */
const abortGraceMs = 5_000;

class OperationWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #settings: RunSettings;
  readonly #workflows: ReadonlyMap<string, Workflow>;
  readonly #keeper: LeaseKeeper;
  readonly #concurrency: number;
  readonly #pollMs: number;
  readonly #runs = new Map<Run, Promise<void>>();
  readonly #claims = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** Room that claims under way may fill. */
  #reserved = 0;
  /** There was more to do than room. */
  #backlog = false;
  #draining = false;
  #polling: Promise<void> | undefined;
  #stopHearing: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    const { db, log, leaseMs = 10_000, retryBaseMs = 500 } = options;
    this.#options = options;
    this.#concurrency = options.concurrency ?? 10;
    this.#pollMs = options.pollMs ?? 750;
    this.#workflows = new Map(options.workflows.map((workflow) => [nameOf(workflow), workflow]));
    this.#settings = {
      db,
      log,
      leaseMs,
      retryBaseMs,
      isDraining: () => this.#draining,
      wakeIn: (delayMs) => this.#wakeIn(delayMs),
    };
    const connection = { url: options.url, applicationName: "tenantry worker", leaseMs, log };
    this.#keeper = new LeaseKeeper(connection, () => this.#claim({}));
  }

  async start(): Promise<void> {
    await this.#keeper.start();
    this.#stopHearing = this.#options.notifications.on("tenantry_operation_due", (id) => this.#hear(id));
    this.#polling = this.#poll();
  }

  async drain({ timeoutMs }: { timeoutMs: number }): Promise<void> {
    this.#draining = true;
    await Promise.all(this.#claims);
    const all = Promise.all(this.#runs.values());
    if (await settlesWithin(all, timeoutMs)) return;
    for (const run of this.#runs.keys()) run.shutDown();
    if (await settlesWithin(all, abortGraceMs)) return;
    const operations = [...this.#runs.keys()].map(({ id }) => id);
    this.#options.log.error({ operations }, "worker.steps_ignore_shutdown");
  }

  async close(): Promise<void> {
    this.#stopHearing?.();
    await this.drain({ timeoutMs: 0 });
    this.#closing.abort();
    await this.#polling;
    await this.#keeper.close();
  }

  #hear(operationId: string): void {
    const isOurs = [...this.#runs.keys()].some(({ id }) => id === operationId);
    if (isOurs) this.#keeper.renewSoon();
    else this.#claim({ id: operationId });
  }

  #wakeIn(delayMs: number): void {
    if (delayMs < this.#pollMs) setTimeout(() => this.#claim({}), Math.max(delayMs, 0)).unref();
  }

  async #poll(): Promise<void> {
    const deadHolders = watchDeadHolders(this.#options.db, this.#keeper, this.#settings.leaseMs);
    while (!this.#closing.signal.aborted) {
      try {
        this.#claim({ deadHolders: await deadHolders() });
      } catch (error) {
        this.#options.log.warn({ error: (error as Error).message }, "worker.poll_failed");
      }
      await delay(this.#pollMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  #claim(wanted: { id?: string; deadHolders?: string[] }): void {
    const holder = this.#keeper.holder;
    if (this.#draining || !holder) return;
    const room = this.#concurrency - this.#runs.size - this.#reserved;
    if (room <= 0) {
      this.#backlog = true;
      return;
    }
    const limit = wanted.id === undefined ? room : 1;
    if (wanted.id === undefined) this.#backlog = false;
    this.#reserved += limit;
    const claiming = this.#take(holder, { ...wanted, limit }).finally(() => {
      this.#reserved -= limit;
      this.#claims.delete(claiming);
      if (this.#backlog) this.#claim({});
    });
    this.#claims.add(claiming);
  }

  async #take(holder: string, wanted: { id?: string; deadHolders?: string[]; limit: number }): Promise<void> {
    const { db, log } = this.#options;
    const known = [...this.#workflows.keys()];
    try {
      const request = { ...wanted, holder, known, leaseMs: this.#settings.leaseMs };
      const claimed = await claimOperations(db, request);
      if (wanted.id === undefined && claimed.length === wanted.limit) this.#backlog = true;
      for (const operation of claimed) this.#begin(holder, operation);
    } catch (error) {
      log.warn({ error: (error as Error).message }, "worker.claim_failed");
    }
  }

  #begin(holder: string, operation: ClaimedOperation): void {
    const workflow = this.#workflows.get(nameOf(operation))!;
    const run = new Run(operation, workflow, this.#settings);
    this.#keeper.keep(holder, run);
    const running = runOperation(run).finally(() => {
      this.#keeper.drop(run);
      this.#runs.delete(run);
      if (this.#backlog) this.#claim({});
    });
    this.#runs.set(run, running);
  }
}

async function settlesWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const timeout = delay(timeoutMs, "late", { signal: timer.signal }).catch(() => "stopped");
  const first = await Promise.race([work.then(() => "settled"), timeout]);
  timer.abort();
  return first === "settled";
}

function nameOf({ kind, version }: { kind: string; version: number }): string {
  return `${kind}@${version}`;
}

import { setTimeout as delay } from "node:timers/promises";
import type { OperationStatus } from "@tenantry/contract";
import { connectDirect, type DirectConnection } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import { newHolder } from "./holder.ts";
import { type Held, lockHolder, renewLeases } from "./lease.sql.ts";

export type Lease = Held & {
  readonly isLost: boolean;
  /** The operation is someone else's from now on, or will be soon: stop. */
  lose(): void;
  /** How the operation stood at the last renewal. */
  hear(status: OperationStatus): void;
};

type Session = { holder: string; connection: DirectConnection };

/**
 * Keeps a worker's leases from a connection of its own, so that a busy pool can't starve them. The session also holds
 * the lock that proves this worker alive. When the connection breaks or doesn't answer, every lease is given up at
 * once (well before anyone may take them over), and the worker goes on under another name once it is back.
 */
export class LeaseKeeper {
  readonly #options: { url: string; applicationName: string; leaseMs: number; log: Log };
  /** Called whenever a connection stands anew: there may be work to claim. */
  readonly #onReady: () => void;
  /** Sessions given up while their work was still stopping: they end, and free their lock, when it has stopped. */
  readonly #retired = new Map<string, DirectConnection>();
  /** Lost and stopped since the last renewal: it is still to be seen whether they were taken from us. */
  #suspects: Lease[] = [];
  readonly #leases = new Map<string, Set<Lease>>();
  readonly #closing = new AbortController();
  readonly #heartbeatMs: number;
  #session: Session | undefined;
  /** The log says once that the registry is away, not four times in a second. */
  #isToldAway = false;
  #renewNow = new AbortController();
  #beating: Promise<void> | undefined;

  constructor(
    options: { url: string; applicationName: string; leaseMs: number; log: Log },
    onReady: () => void,
  ) {
    this.#options = options;
    this.#onReady = onReady;
    this.#heartbeatMs = options.leaseMs / 5;
  }

  /** Resolves once connected; throws when the registry can't be reached now. */
  async start(): Promise<void> {
    await this.#connect();
    this.#beating = this.#beat();
  }

  /** Who we are; undefined while there is no connection to prove it: then nothing may be claimed. */
  get holder(): string | undefined {
    return this.#session?.holder;
  }

  /** Whether this worker held operations under that name once, and has stopped all work on them. */
  hasLeft(holder: string): boolean {
    return this.holder !== holder && this.#leases.get(holder)?.size === 0;
  }

  keep(holder: string, lease: Lease): void {
    this.#leases.get(holder)!.add(lease);
    if (this.holder !== holder) lease.lose();
  }

  /** All work under the lease has stopped. */
  drop(lease: Lease): void {
    for (const [holder, kept] of this.#leases) {
      if (kept.delete(lease) && lease.isLost && holder === this.holder) this.#suspects.push(lease);
      if (kept.size === 0) void this.#retired.get(holder)?.close();
    }
  }

  /** Renews out of turn: an operation may have been cancelled. */
  renewSoon(): void {
    this.#renewNow.abort();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#beating;
    await this.#session?.connection.close();
    await Promise.all([...this.#retired.values()].map((connection) => connection.close()));
  }

  async #connect(): Promise<void> {
    const connection = await connectDirect({ ...this.#options, answerTimeoutMs: this.#heartbeatMs });
    const holder = newHolder();
    try {
      await lockHolder(connection.db, holder);
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.#leases.set(holder, new Set());
    this.#session = { holder, connection };
    connection.ended.addEventListener("abort", () => this.#giveUp(holder), { once: true });
    this.#onReady();
  }

  #giveUp(holder: string): void {
    if (this.holder === holder) this.#session = undefined;
    const lost = [...this.#leases.get(holder)!];
    if (lost.length > 0) this.#options.log.warn({ holder, leases: lost.length }, "worker.leases_given_up");
    for (const lease of lost) lease.lose();
  }

  /**
   * Someone took an operation from us for standing still. We go on under another name, so that the lock on this one
   * tells when the work we did under it has stopped for good: until then its resources are swept again and again.
   */
  #retire({ holder, connection }: Session): void {
    this.#retired.set(holder, connection);
    this.#giveUp(holder);
    if (this.#leases.get(holder)!.size === 0) void connection.close();
  }

  async #beat(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      if (this.#session) await this.#renew(this.#session);
      else await this.#reconnect();
    }
  }

  async #reconnect(): Promise<void> {
    await this.#pause(250, []);
    if (this.#closing.signal.aborted) return;
    try {
      await this.#connect();
      this.#isToldAway = false;
    } catch (error) {
      if (!this.#isToldAway)
        this.#options.log.warn({ error: (error as Error).message }, "worker.registry_unreachable");
      this.#isToldAway = true;
    }
  }

  async #renew({ holder, connection }: Session): Promise<void> {
    this.#renewNow = new AbortController();
    const kept = [...this.#leases.get(holder)!, ...this.#suspects.splice(0)];
    try {
      const renewed = await renewLeases(connection.db, holder, kept, this.#options.leaseMs);
      const rows = new Map(renewed.map((row) => [row.id, row]));
      for (const lease of kept) {
        const row = rows.get(lease.id);
        if (row?.fence === lease.fence) lease.hear(row.status);
        else lease.lose();
      }
      if (renewed.some(({ isOvertaken }) => isOvertaken)) return this.#retire({ holder, connection });
    } catch (error) {
      this.#options.log.warn({ error: (error as Error).message }, "worker.heartbeat_failed");
      await connection.close();
      return;
    }
    await this.#pause(this.#heartbeatMs, [this.#renewNow.signal, connection.ended]);
  }

  async #pause(milliseconds: number, wakes: AbortSignal[]): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, ...wakes]);
    await delay(milliseconds, undefined, { signal }).catch(() => undefined);
  }
}

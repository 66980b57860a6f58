import { availableParallelism } from "node:os";
import { EngineFailure, EngineProcess, type Job, processLost } from "./process.ts";
import type { EngineReply, EngineRequest, EngineSettings } from "./protocol.ts";

export { EngineFailure, type EngineProcess, endedForTime, processLost } from "./process.ts";
export type { EngineFile, EngineReply, EngineRequest, SqliteValue } from "./protocol.ts";

export type EngineOptions = EngineSettings & {
  /** Processes at once. */
  maxProcesses: number;
  /** After so long without work a process is ended. */
  idleMs: number;
};

export const engineDefaults = {
  heapBytes: 256 * 1_024 * 1_024,
  cacheBytes: 1_024 * 1_024,
  maxProcesses: Math.min(4, Math.max(2, availableParallelism())),
  idleMs: 60_000,
};

export type AskOptions = {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Where its transaction or cursor stands. */
  on?: EngineProcess | undefined;
  /** Keeps the process for this file, so that what follows is `on` it: unpin it when that is over. */
  pin?: boolean | undefined;
};

export type Done = { reply: EngineReply; by: EngineProcess };

export type Engine = {
  /**
   * Has a request done in one of the processes. Throws `EngineFailure`, or the signal's reason: then the request may
   * have been done all the same.
   */
  ask(key: string, request: EngineRequest, options: AskOptions): Promise<Done>;
  /** Closes a file wherever it is open. `now`: its descriptors are given back when this resolves. */
  closeFile(key: string, now: boolean): Promise<void>;
  stats(): { processes: number; pids: number[] };
  close(): Promise<void>;
};

/** Whoever waits behind something that takes longer than this is served by another process. */
const patienceMs = 5;
/** Whoever doesn't want an answer any more waits so long for it before the process is ended. */
const cancelGraceMs = 50;

/**
 * SQLite in processes of its own: a statement can't be interrupted from outside the thread that runs it, but its process
 * can be ended, which loses nothing that was committed; and what eats memory there isn't the application.
 */
export function createEngine(options: EngineOptions): Engine {
  return new Processes(options);
}

class Processes implements Engine {
  readonly #options: EngineOptions;
  readonly #processes = new Set<EngineProcess>();
  /** Where a file was last used, and its connections are open. */
  readonly #homes = new Map<string, EngineProcess>();
  #balancing: NodeJS.Timeout | undefined;
  #reaping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  async ask(
    key: string,
    request: EngineRequest,
    { timeoutMs, signal, on, pin = false }: AskOptions,
  ): Promise<Done> {
    signal?.throwIfAborted();
    if (this.#closed) throw new EngineFailure({ message: "The engine is closed.", code: processLost });
    return new Promise((resolve, reject) => {
      const job: Job = {
        key,
        request,
        timeoutMs,
        movable: on === undefined,
        settle(outcome) {
          signal?.removeEventListener("abort", cancel);
          if ("failure" in outcome) {
            reject(signal?.aborted ? signal.reason : outcome.failure);
            return;
          }
          if (pin) outcome.by.pin(key);
          resolve(outcome);
        },
      };
      const cancel = () => withdraw(this.#processes, job, () => reject(signal!.reason));
      signal?.addEventListener("abort", cancel);
      if (on) on.take(job);
      else this.#place(job, pin);
    });
  }

  async closeFile(key: string, now: boolean): Promise<void> {
    this.#homes.delete(key);
    await Promise.all([...this.#processes].map((process) => this.#closeAt(process, key, now)));
  }

  stats(): { processes: number; pids: number[] } {
    return {
      processes: this.#processes.size,
      pids: [...this.#processes].flatMap(({ pid }) => pid ?? []),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#reaping);
    clearTimeout(this.#balancing);
    await Promise.all([...this.#processes].map((process) => process.dismiss()));
  }

  #start(): EngineProcess {
    const made: EngineProcess = new EngineProcess(this.#options, {
      onIdle: () => this.#balance(),
      onGone: (orphans) => {
        this.#processes.delete(made);
        for (const [key, home] of this.#homes) if (home === made) this.#homes.delete(key);
        for (const job of orphans) this.#place(job);
      },
    });
    this.#processes.add(made);
    this.#reaping ??= setInterval(() => this.#reap(), Math.max(50, this.#options.idleMs / 4)).unref();
    return made;
  }

  #place(job: Job, pinning = false): void {
    const process = this.#choose(job.key, pinning);
    const home = this.#homes.get(job.key);
    if (home && home !== process && !home.isPinned(job.key)) void this.#closeAt(home, job.key);
    this.#homes.set(job.key, process);
    process.take(job);
    this.#scheduleBalance();
  }

  #choose(key: string, pinning: boolean): EngineProcess {
    const { maxProcesses } = this.#options;
    const home = this.#homes.get(key);
    const neighbours = (process: EngineProcess) => process.pinned - (process.isPinned(key) ? 1 : 0);
    const isCrowded = (process: EngineProcess) => pinning && neighbours(process) > 0;
    if (home && !home.gone && (home.isPinned(key) || (home.busyMs() < patienceMs && !isCrowded(home))))
      return home;
    const mayStart = this.#processes.size < maxProcesses;
    const idle = [...this.#processes].filter((process) => process.load === 0 && !process.gone);
    idle.sort((left, right) => neighbours(left) - neighbours(right));
    // A transaction would be lost with a neighbour's statement that has to be ended: they share a process in need only.
    if (idle[0] && !(isCrowded(idle[0]) && mayStart)) return idle[0];
    if (mayStart) return this.#start();
    return [...this.#processes].sort((left, right) => left.load - right.load)[0]!;
  }

  #closeAt(process: EngineProcess, key: string, now = false): Promise<void> {
    if (process.gone) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => resolve();
      const { deadlineMs: timeoutMs } = this.#options;
      process.take({ key, request: { op: "close", key, now }, timeoutMs, movable: false, settle });
    });
  }

  #balance(): void {
    const all = [...this.#processes];
    if (all.every((process) => process.load > 0) && all.length >= this.#options.maxProcesses) return;
    for (const process of all) {
      if (process.busyMs() < patienceMs) continue;
      for (const job of process.takeMovable()) this.#place(job);
    }
    this.#scheduleBalance();
  }

  #scheduleBalance(): void {
    if (this.#balancing || ![...this.#processes].some(({ load }) => load > 1)) return;
    this.#balancing = setTimeout(() => {
      this.#balancing = undefined;
      this.#balance();
    }, patienceMs);
  }

  #reap(): void {
    for (const process of this.#processes) {
      const idle = process.load === 0 && process.pinned === 0;
      if (idle && performance.now() - process.idleSince > this.#options.idleMs) void process.dismiss();
    }
    if (this.#processes.size > 0) return;
    clearInterval(this.#reaping);
    this.#reaping = undefined;
  }
}

function withdraw(processes: Set<EngineProcess>, job: Job, gaveUp: () => void): void {
  for (const process of processes) {
    if (process.withdraw(job)) {
      gaveUp();
      return;
    }
    if (!process.isDoing(job)) continue;
    setTimeout(() => {
      if (process.isDoing(job)) process.end();
    }, cancelGraceMs);
  }
}

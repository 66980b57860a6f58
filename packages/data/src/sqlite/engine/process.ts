import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import type { EngineAnswer, EngineError, EngineReply, EngineRequest, EngineSettings } from "./protocol.ts";

/** What the engine refused, with SQLite's code; and when its process was ended, or ended by itself, a code of ours. */
export class EngineFailure extends Error {
  readonly code: string;
  /** Which one of a script's statements it was. */
  readonly statement: number | undefined;

  constructor({ message, code, statement }: EngineError) {
    super(message);
    this.code = code;
    this.statement = statement;
  }
}

/** The statement took longer than it may: its process was ended. */
export const endedForTime = "TENANTRY_TIMEOUT";
/** The process ended for another reason, and what was under way in it is lost. */
export const processLost = "TENANTRY_LOST";

export type Job = {
  /** The file it is about. */
  key: string;
  request: EngineRequest;
  timeoutMs: number;
  /** Whether another process may do it as well. */
  movable: boolean;
  settle(outcome: { reply: EngineReply; by: EngineProcess } | { failure: EngineFailure }): void;
};

type Listener = { onIdle(): void; onGone(orphans: Job[]): void };

/** One process of the engine, with what it does and what waits for it. It does one thing at a time. */
export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #listener: Listener;
  readonly #queue: Job[] = [];
  /** Transactions and cursors that stand in this process and can be nowhere else, by file. */
  readonly #pins = new Map<string, number>();
  #current: { job: Job; startedAt: number; timer: NodeJS.Timeout } | undefined;
  #ready = false;
  #gone = false;
  #endedFor = processLost;
  #count = 0;
  idleSince = performance.now();

  constructor(settings: EngineSettings, listener: Listener) {
    this.#listener = listener;
    this.#child = fork(
      new URL(`./main${extname(import.meta.url)}`, import.meta.url),
      [JSON.stringify(settings)],
      {
        serialization: "advanced",
        execArgv: ["--max-old-space-size=256", "--expose-gc"],
        // Nothing of the application's variables: there are secrets among them.
        env: {},
        cwd: "/",
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      },
    );
    this.#child.on("message", (message) => this.#receive(message as EngineAnswer | { ready: true }));
    this.#child.once("error", () => this.#lost());
    this.#child.once("exit", () => this.#lost());
    this.#hold();
  }

  get gone(): boolean {
    return this.#gone;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get load(): number {
    return this.#queue.length + (this.#current ? 1 : 0);
  }

  get pinned(): number {
    return this.#pins.size;
  }

  /** How long it has been at what it does. */
  busyMs(): number {
    return this.#current ? performance.now() - this.#current.startedAt : 0;
  }

  isPinned(key: string): boolean {
    return this.#pins.has(key);
  }

  pin(key: string): void {
    this.#pins.set(key, (this.#pins.get(key) ?? 0) + 1);
  }

  unpin(key: string): void {
    const left = (this.#pins.get(key) ?? 0) - 1;
    if (left > 0) this.#pins.set(key, left);
    else this.#pins.delete(key);
  }

  take(job: Job): void {
    if (this.#gone) {
      job.settle({ failure: lostFailure(processLost) });
      return;
    }
    this.#queue.push(job);
    this.#next();
  }

  /** Takes a job back that hasn't begun; false when it has. */
  withdraw(job: Job): boolean {
    const index = this.#queue.indexOf(job);
    if (index >= 0) this.#queue.splice(index, 1);
    return index >= 0;
  }

  /** What waits here and could be done elsewhere. */
  takeMovable(): Job[] {
    const movable = this.#queue.filter((job) => job.movable && !this.#pins.has(job.key));
    for (const job of movable) this.withdraw(job);
    return movable;
  }

  isDoing(job: Job): boolean {
    return this.#current?.job === job;
  }

  /** Ends the process, whatever it does. */
  end(reason = processLost): void {
    this.#endedFor = reason;
    this.#child.kill("SIGKILL");
  }

  /** Ends the process by closing its line, if it isn't at work. */
  dismiss(): Promise<void> {
    if (this.#gone) return Promise.resolve();
    const over = new Promise<void>((resolve) => {
      this.#child.once("exit", () => resolve());
    });
    this.#hold();
    if (this.#child.connected && !this.#current) this.#child.disconnect();
    else this.end();
    return over;
  }

  #next(): void {
    if (!this.#ready || this.#current) return;
    const job = this.#queue.shift();
    if (!job) return;
    this.#hold();
    const timer = setTimeout(() => this.end(endedForTime), job.timeoutMs);
    this.#current = { job, startedAt: performance.now(), timer };
    this.#count += 1;
    this.#child.send({ id: this.#count, request: job.request }, (error) => {
      if (error) this.end();
    });
  }

  #receive(message: EngineAnswer | { ready: true }): void {
    if ("ready" in message) {
      this.#ready = true;
      this.#becomeFree();
      return;
    }
    const current = this.#current;
    if (!current || message.id !== this.#count) return;
    clearTimeout(current.timer);
    this.#current = undefined;
    if ("error" in message) current.job.settle({ failure: new EngineFailure(message.error) });
    else current.job.settle({ reply: message.reply, by: this });
    this.#becomeFree();
  }

  #becomeFree(): void {
    this.#next();
    if (this.#current) return;
    this.idleSince = performance.now();
    this.#release();
    this.#listener.onIdle();
  }

  #lost(): void {
    if (this.#gone) return;
    this.#gone = true;
    const current = this.#current;
    this.#current = undefined;
    clearTimeout(current?.timer);
    current?.job.settle({ failure: lostFailure(this.#endedFor) });
    const waiting = this.#queue.splice(0);
    const orphans = waiting.filter(({ movable }) => movable);
    for (const job of waiting) if (!job.movable) job.settle({ failure: lostFailure(processLost) });
    this.#listener.onGone(orphans);
  }

  // A process that waits for work keeps nobody else's process alive.
  #release(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #hold(): void {
    this.#child.ref();
    this.#child.channel?.ref();
  }
}

function lostFailure(code: string): EngineFailure {
  const message =
    code === endedForTime ? "The statement took too long." : "The process that held the database ended.";
  return new EngineFailure({ message, code });
}

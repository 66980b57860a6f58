import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../config.ts";
import { TenantryError } from "../errors.ts";
import { type RuntimeApi, RuntimeRefused } from "./api.ts";
import { type Coalesced, coalesced } from "./coalesced.ts";
import { catchUp, type RuntimeState } from "./state.ts";

/**
 * Keeps this process up to date with the installation: a change arrives within milliseconds by the event stream, or
 * within five seconds by polling while the stream is broken. While the API is away the last state stands.
 */
export type RuntimeFollower = {
  /** The newest state; undefined until the first snapshot is there. */
  state(): RuntimeState | undefined;
  /** Whether the first snapshot is there, and it hasn't been closed. */
  isReady(): boolean;
  /**
   * Starts following, and resolves when the first snapshot is there. Tries until then, for as long as it takes; rejects
   * when the API refuses the application's key, or `signal` aborts. Repeatable.
   */
  ready(signal?: AbortSignal): Promise<void>;
  /** Asks for whatever changed until now. Calls at the same time share one request. */
  refresh(): Promise<void>;
  /**
   * For when something may have changed a moment ago: asks for two seconds at most. Whatever comes of it, the newest state
   * then decides. Asks no more when what is being asked already makes `suffices` true.
   */
  askAgain(suffices?: () => boolean): Promise<void>;
  close(): Promise<void>;
};

const firstDelayMs = 100;
const longestDelayMs = 5_000;
const doubtDeadlineMs = 2_000;
/** Asked so often though nothing is said to have changed: the share of database connections is granted for 30 seconds. */
const renewalMs = 10_000;
/** Whoever was out of touch for longer asks for everything: what was removed meanwhile may not be told any more. */
const longestGapMs = 3_600_000;

export function createRuntimeFollower(
  api: Pick<RuntimeApi, "snapshot" | "changes">,
  log: Log,
  applied: (state: RuntimeState) => void,
): RuntimeFollower {
  const closing = new AbortController();
  let state: RuntimeState | undefined;
  let first = waiting();
  let following: Promise<void> | undefined;
  let renewal: NodeJS.Timeout | undefined;
  let reachable = true;
  let inTouchAt = performance.now();

  const news = coalesced(async () => {
    const known = performance.now() - inTouchAt > longestGapMs ? undefined : state;
    state = await catchUp(known, (since) => api.snapshot(since, closing.signal));
    inTouchAt = performance.now();
    applied(state);
    first.resolve();
    if (!reachable) log.info({}, "runtime.reachable");
    reachable = true;
  });

  async function follow(): Promise<void> {
    let delayMs = firstDelayMs;
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      const stream = new AbortController();
      const giveUp = (error: unknown): void => stream.abort(error);
      try {
        await news.run();
        // Not awaited: what is told while we ask is answered by one more question, however often it is told.
        for await (const _ of api.changes(AbortSignal.any([closing.signal, stream.signal]))) {
          news.run().catch(giveUp);
        }
      } catch (error) {
        report(error);
      }
      if (performance.now() - startedAt > longestDelayMs) delayMs = firstDelayMs;
      await pause(jittered(delayMs), undefined, { signal: closing.signal }).catch(() => undefined);
      delayMs = Math.min(delayMs * 2, longestDelayMs);
    }
  }

  function report(error: unknown): void {
    if (closing.signal.aborted) return;
    if (error instanceof RuntimeRefused && (error.status === 401 || error.status === 403)) {
      first.reject(keyRefused(error));
      first = waiting();
    }
    if (reachable)
      log.warn({ error: (error as Error).message, known: state !== undefined }, "runtime.unreachable");
    reachable = false;
  }

  return {
    state: () => state,
    isReady: () => state !== undefined && !closing.signal.aborted,
    ready(signal) {
      if (closing.signal.aborted) return Promise.reject(closed());
      if (state) return Promise.resolve();
      following ??= follow();
      renewal ??= setInterval(() => void news.run().catch(report), renewalMs);
      return unlessAborted(first.promise, signal);
    },
    refresh: () => (closing.signal.aborted ? Promise.reject(closed()) : news.run()),
    askAgain: (suffices) =>
      unlessAborted(askUnless(news, suffices), AbortSignal.timeout(doubtDeadlineMs)).catch(() => undefined),
    async close() {
      closing.abort();
      clearInterval(renewal);
      first.reject(closed());
      await following;
    },
  };
}

async function askUnless(news: Coalesced, suffices?: () => boolean): Promise<void> {
  if (suffices) await news.settled();
  if (!suffices?.()) await news.run();
}

/** Between half and the whole of it: processes that lost the API together shouldn't come back together. */
function jittered(delayMs: number): number {
  return delayMs * (0.5 + Math.random() / 2);
}

/** A promise that may be rejected while nobody waits for it. */
function waiting(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>();
  resolvers.promise.catch(() => undefined);
  return resolvers;
}

function keyRefused(cause: unknown): TenantryError {
  return new TenantryError(
    "Tenantry refuses this application's key: TENANTRY_APP_KEY is wrong, or was revoked.",
    { code: "app_key_refused", status: 500 },
    { cause },
  );
}

function closed(): TenantryError {
  return new TenantryError("This Tenantry was closed.", { code: "closed", status: 503 });
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

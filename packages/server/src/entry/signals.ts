import type { Log } from "../infra/log/index.ts";

/** Service managers signal the whole group, and the CLI passes the signal on as well: that is one wish, not two. */
const sameWishMs = 1_000;

/**
 * Starts something and ends it in order when SIGINT, SIGTERM or SIGHUP comes, also one that comes during the start: `start` is
 * told by its signal, and rejects once all that it had started has ended again.
 */
export async function startUntilSignal<Started extends { stop(): Promise<void> }>(
  start: (signal: AbortSignal) => Promise<Started>,
  log: Log,
): Promise<Started> {
  const interrupted = new AbortController();
  const starting = start(interrupted.signal);
  async function stop(): Promise<void> {
    interrupted.abort(new Error("The start was interrupted."));
    const started = await starting.catch(() => undefined);
    await started?.stop();
  }
  stopOnSignal({ stop }, log);
  try {
    return await starting;
  } catch (error) {
    // Whoever interrupted the start knows why it failed; the process ends by the signal.
    if (interrupted.signal.aborted) return new Promise(() => undefined);
    throw error;
  }
}

/**
 * SIGINT, SIGTERM and SIGHUP, as from a terminal that is closed, end everything in order; a second one, a second or more
 * later, ends the process at once.
 */
export function stopOnSignal(running: { stop(): Promise<void> }, log: Log): void {
  let stoppingSince: number | undefined;
  const stop = (signal: NodeJS.Signals) => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince >= sameWishMs) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    log.info({ signal }, "node.stopping");
    running.stop().then(
      () => process.exit(0),
      (error: Error) => {
        log.error({ err: error }, "node.stop-failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("SIGHUP", (signal) => {
    // Nobody reads any more what is said; that mustn't keep the rest from being stopped.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
    stop(signal);
  });
}

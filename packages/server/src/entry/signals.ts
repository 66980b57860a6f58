import type { Log } from "../infra/log/index.ts";

/** Service managers signal the whole group, and the CLI passes the signal on as well: that is one wish, not two. */
const sameWishMs = 1_000;

/** SIGINT and SIGTERM end everything in order; a second one, a second or more later, ends the process at once. */
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
}

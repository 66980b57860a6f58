import type { Log } from "../infra/log/index.ts";

/** SIGINT and SIGTERM end everything in order; a second one ends the process at once. */
export function stopOnSignal(running: { stop(): Promise<void> }, log: Log): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
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

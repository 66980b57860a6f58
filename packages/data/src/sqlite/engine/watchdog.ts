import { workerData } from "node:worker_threads";

/**
 * A thread beside the one that works, which may be within SQLite for as long as a statement takes: it ends the process
 * when a deadline has passed or when the process that asked is gone, as nothing else could.
 */
type WatchdogData = { clock: SharedArrayBuffer; parent: number; deadlineMs: number };

const { clock, parent, deadlineMs } = workerData as WatchdogData;
/** Since when it has been at work, in milliseconds of the monotonic clock; 0 when it isn't. */
const since = new BigInt64Array(clock);
const lookMs = 500;

setInterval(() => {
  const started = Atomics.load(since, 0);
  const late = started !== 0n && process.hrtime.bigint() / 1_000_000n - started > BigInt(deadlineMs);
  if (late || process.ppid !== parent) process.kill(process.pid, "SIGKILL");
}, lookMs);

import { extname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { EngineAnswer, EngineError, EngineRequest, EngineSettings } from "./protocol.ts";
import { ScriptFailed, Work } from "./work.ts";

// The process in which SQLite runs. It is started by `processes.ts`, which sends requests and may end it at any time.
process.umask(0o077);
const settings = JSON.parse(process.argv[2]!) as EngineSettings;
const clock = new SharedArrayBuffer(8);
const since = new BigInt64Array(clock);
const work = new Work(settings);

// A second beyond the deadline that the asking process keeps itself: this one is for when it can't any more.
const watchdog = new Worker(new URL(`./watchdog${extname(import.meta.url)}`, import.meta.url), {
  workerData: { clock, parent: process.ppid, deadlineMs: settings.deadlineMs + 1_000 },
});
watchdog.unref();

process.on("disconnect", async () => {
  work.closeAll();
  await giveBack(true);
  process.exit(0);
});
process.on("message", async ({ id, request }: { id: number; request: EngineRequest }) => {
  Atomics.store(since, 0, process.hrtime.bigint() / 1_000_000n);
  let answer: EngineAnswer;
  try {
    answer = { id, reply: work.do(request) };
    if (request.op === "close") await giveBack(request.now);
  } catch (error) {
    answer = { id, error: describe(error) };
  }
  Atomics.store(since, 0, 0n);
  process.send!(answer);
});
process.send!({ ready: true });

/** So many files that nobody uses any more may still be open. */
const mostLeft = 32;
const soonMs = 1_000;
let left = 0;
let soon: NodeJS.Timeout | undefined;

// libsql closes a file when the last of its statements is collected as garbage, and not before.
async function giveBack(now: boolean): Promise<void> {
  left += 1;
  if (!now && left < mostLeft) {
    soon ??= setTimeout(() => void giveBack(true), soonMs);
    return;
  }
  clearTimeout(soon);
  soon = undefined;
  left = 0;
  globalThis.gc!();
  await setImmediate();
}

function describe(error: unknown): EngineError {
  const inner = error instanceof ScriptFailed ? error.cause : error;
  const { message, code } = inner as { message?: string; code?: unknown };
  return {
    message: message ?? String(inner),
    code: typeof code === "string" ? code : "UNKNOWN",
    ...(error instanceof ScriptFailed && { statement: error.statement }),
  };
}

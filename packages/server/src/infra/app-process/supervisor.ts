import type { Log } from "../log/index.ts";
import type { Confinement, LaunchRequest } from "./launch-request.ts";
import { liveOnce } from "./life.ts";
import { pause } from "./pause.ts";
import { createProcessRecords } from "./records.ts";

/** `processId`: of what starts the process, and of the process itself once it is healthy. */
export type ProcessState =
  | { state: "starting"; processId: number }
  | { state: "healthy"; processId: number; url: string }
  | { state: "backing_off"; error: string; restarts: number; retryInMs: number }
  | { state: "stopped" };

export type SupervisedProcess = {
  /**
   * Ends the process (SIGTERM, after five seconds SIGKILL), its whole group, and all that it started, wherever that went;
   * no restart follows.
   */
  stop(): Promise<void>;
};

export type SupervisorOptions = {
  launch: Omit<LaunchRequest, "variables">;
  /** What `probeConfinement` found. */
  confinement: Confinement;
  /** A directory of ours: what is written there lets `endLeftovers` end what outlives us. */
  recordsDirectory: string;
  /** Called for every start; `PORT` is added. */
  variables: () => Promise<Record<string, string>>;
  /** Answers below 500 there mean that the process is healthy. */
  healthPath: string;
  log: Log;
  onState: (state: ProcessState) => void;
  /** Milliseconds a start may take until the first healthy answer; 30,000 when left out. */
  startTimeoutMs?: number;
};

const firstBackoffMs = 500;
const longestBackoffMs = 30_000;
/** A process that lived this long starts again at the first backoff. */
const settledAfterMs = 60_000;

/** Starts a process and keeps it running: health-checked, restarted with backoff, its output in the log. */
export function superviseProcess(options: SupervisorOptions): SupervisedProcess {
  const stopping = new AbortController();
  const running = keepRunning(options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function keepRunning(options: SupervisorOptions, stopping: AbortSignal): Promise<void> {
  const { log, onState } = options;
  let backoffMs = firstBackoffMs;
  for (let restarts = 1; !stopping.aborted; restarts += 1) {
    const startedAt = Date.now();
    const error = await start(options, stopping).catch((failure: Error) => failure.message);
    if (stopping.aborted) break;
    if (Date.now() - startedAt > settledAfterMs) backoffMs = firstBackoffMs;
    log.warn({ error, restarts, retryInMs: backoffMs }, "app.restarting");
    onState({ state: "backing_off", error, restarts, retryInMs: backoffMs });
    await pause(backoffMs, stopping);
    backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
  }
  onState({ state: "stopped" });
}

async function start(options: SupervisorOptions, stopping: AbortSignal): Promise<string> {
  return liveOnce({
    launch: { ...options.launch, variables: await options.variables() },
    confinement: options.confinement,
    records: createProcessRecords(options.recordsDirectory),
    healthPath: options.healthPath,
    startTimeoutMs: options.startTimeoutMs ?? 30_000,
    log: options.log,
    onStarted: (processId) => options.onState({ state: "starting", processId }),
    onHealthy: (processId, url) => options.onState({ state: "healthy", processId, url }),
    stopping,
  });
}

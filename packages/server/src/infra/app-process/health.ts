import { pause } from "./pause.ts";

const checkEveryMs = 5_000;
const missedChecksAllowed = 3;

export type HealthWatch = {
  /** Answers below 500 there mean that the process is healthy. */
  url: string;
  startTimeoutMs: number;
  /** Says, in a sentence, that somebody else answers there. */
  findStranger: () => Promise<string | undefined>;
  onHealthy: () => Promise<void>;
  signal: AbortSignal;
};

/**
 * Resolves, with the reason, when a process doesn't become healthy in time, stops being so, or when it is somebody else
 * who answers; never after an abort.
 */
export async function watchHealth(watch: HealthWatch): Promise<string> {
  const path = new URL(watch.url).pathname;
  const deadline = Date.now() + watch.startTimeoutMs;
  while (!(await answers(watch.url, watch.signal))) {
    if (Date.now() > deadline) return `It didn't answer ${path} on its PORT in time.`;
    await pause(25, watch.signal);
    if (watch.signal.aborted) return never();
  }
  // Asked after the answer: whoever gave it listens by then.
  const first = await watch.findStranger();
  if (first !== undefined) return first;
  if (watch.signal.aborted) return never();
  await watch.onHealthy();
  for (let missed = 0; missed < missedChecksAllowed; ) {
    await pause(checkEveryMs, watch.signal);
    if (watch.signal.aborted) return never();
    missed = (await answers(watch.url, watch.signal)) ? 0 : missed + 1;
    const stranger = await watch.findStranger();
    if (stranger !== undefined) return stranger;
  }
  return `It stopped answering ${path}.`;
}

async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const deadline = AbortSignal.timeout(2_000);
    const reply = await fetch(url, { redirect: "manual", signal: AbortSignal.any([signal, deadline]) });
    await reply.body?.cancel();
    return reply.status < 500;
  } catch {
    return false;
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

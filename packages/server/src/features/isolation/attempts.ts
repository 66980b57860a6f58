import type { IsolationAttempt } from "@tenantry/contract";
import { failed, type Probe, type ProbeAnswer } from "../../drivers/probe.ts";

/** One probe between two, ready to be tried. */
export type Attempt = {
  probe: Pick<Probe<never>, "id" | "path" | "title" | "remedy">;
  from: string;
  to: string;
  /** What is tried, where the probe's title says too little. */
  tried?: string;
  run(): Promise<ProbeAnswer>;
};

/** The attempts of some probes on one ground; those that have nothing to try there are left out. */
export function attemptsOf<Ground>(
  probes: readonly Probe<Ground>[],
  ground: Ground,
  names: { from: string; to: string; tried?: string },
): Attempt[] {
  return probes
    .filter((probe) => isOf(probe, ground))
    .map((probe) => ({ probe, ...names, run: () => probe.run(ground) }));
}

function isOf<Ground>({ applies }: Probe<Ground>, ground: Ground): boolean {
  try {
    return applies?.(ground) ?? true;
  } catch {
    // What nothing can be made of is tried, so that the report has the reason.
    return true;
  }
}

const atOnce = 4;
/** A probe that takes longer couldn't be tried. */
const mostMs = 30_000;

/**
 * Tries all of them, some at once; those of one lane one after another. What can't be tried is recorded with its reason.
 * Throws when the signal aborts.
 */
export async function tryAll(
  attempts: readonly Attempt[],
  options: {
    signal: AbortSignal;
    laneOf: (attempt: Attempt) => string;
    tried: (count: number) => Promise<void>;
  },
): Promise<IsolationAttempt[]> {
  const { signal, laneOf, tried } = options;
  const results = new Map<Attempt, IsolationAttempt>();
  const lanes = [...Map.groupBy(attempts, laneOf).values()].sort((a, b) => b.length - a.length);
  const waiting = lanes.values();
  async function work(): Promise<void> {
    for (const lane of waiting) {
      for (const attempt of lane) {
        signal.throwIfAborted();
        results.set(attempt, record(attempt, await tryOne(attempt)));
        await tried(results.size);
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  signal.throwIfAborted();
  return attempts.map((attempt) => results.get(attempt)!);
}

async function tryOne(attempt: Attempt): Promise<ProbeAnswer> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it took longer than ${mostMs / 1_000} s`)), mostMs);
  try {
    return await Promise.race([attempt.run(), late]);
  } catch (error) {
    return failed(`It couldn't be tried: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

function record({ probe, from, to, tried }: Attempt, answer: ProbeAnswer): IsolationAttempt {
  return {
    probe: probe.id,
    path: probe.path,
    from,
    to,
    tried: tried ?? probe.title,
    outcome: answer.outcome,
    answer: answer.answer,
    remedy: answer.outcome === "breach" ? (answer.remedy ?? probe.remedy) : null,
  };
}

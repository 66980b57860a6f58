import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "../common/statistics.ts";
import type { Contender } from "./contenders.ts";

export type Taken = {
  /** Microseconds of each statement. */
  latencies: number[];
  /** Of each round: the median of its statements, to that of the first contender that pauses as this one does. */
  ratios: number[];
  /** Of each round: this process's processor time for a statement, in microseconds. */
  cpuUs: number[];
  /** And the server's. */
  serverCpuUs: number[];
};

/** All contenders in turns, a few statements each; two statements before each turn aren't counted. */
export async function measure(
  list: readonly Contender[],
  { rounds, statements, serverCpu }: { rounds: number; statements: number; serverCpu: () => Promise<number> },
): Promise<Map<string, Taken>> {
  const taken = new Map(
    list.map(({ name }) => [name, { latencies: [], ratios: [], cpuUs: [], serverCpuUs: [] } as Taken]),
  );
  for (const { ask } of list) for (let warm = 0; warm < 200; warm += 1) await ask(warm);
  for (let round = 0; round < rounds; round += 1) {
    const bases = new Map<number, number>();
    for (const { name, ask, pauseMs = 0 } of list) {
      const of = taken.get(name)!;
      for (let warm = 0; warm < 2; warm += 1) await ask(warm);
      const count = pauseMs ? Math.ceil(statements / 4) : statements;
      const serverBefore = await serverCpu();
      const before = process.cpuUsage();
      const latencies: number[] = [];
      for (let turn = 0; turn < count; turn += 1) {
        if (pauseMs) await pause(pauseMs);
        const startedAt = performance.now();
        await ask(turn);
        latencies.push((performance.now() - startedAt) * 1_000);
      }
      const { user, system } = process.cpuUsage(before);
      of.serverCpuUs.push(((await serverCpu()) - serverBefore) / count);
      const median = quantile(latencies, 0.5);
      if (!bases.has(pauseMs)) bases.set(pauseMs, median);
      of.latencies.push(...latencies);
      of.ratios.push(median / bases.get(pauseMs)!);
      of.cpuUs.push((user + system) / count);
    }
  }
  return taken;
}

import type { TenantContext } from "../context.ts";
import { contextStore } from "../context-store.ts";
import type { Tenantry } from "../tenantry.ts";

type BossJob = { id: string; name: string; data: unknown; signal?: AbortSignal };
type Outcome = { id: string; status: "completed" | "failed" | "deadletter"; output?: object };
type BatchHandler = (jobs: BossJob[]) => Promise<Outcome[]>;

/** The little of a pg-boss (12.30 or later) that is needed: no version of it is imported. */
export type Boss = {
  send(name: string, data: object, options?: object): Promise<string | null>;
  work(name: string, options: { perJobResults: true }, handler: BatchHandler): Promise<string>;
};

export type TenantBoss<B extends Boss> = {
  /** Sends a job of the current tenant. Throws `TenantContextMissing`: jobs of nobody go to pg-boss itself. */
  send(name: string, data: unknown, options?: Parameters<B["send"]>[2]): Promise<string | null>;
  /**
   * Works jobs off, each in its tenant's context and settled by itself, also in batches, whose jobs run side by side.
   * A job that proves no tenant, or whose tenant is gone, fails at once and for good (into the dead letter queue, where
   * there is one); one of a suspended tenant is tried again as the queue says.
   */
  work<Data>(
    name: string,
    options: Omit<Parameters<B["work"]>[1], "perJobResults" | "transactional">,
    handler: (data: Data, job: BossJob, context: TenantContext) => unknown,
  ): Promise<string>;
};

/**
 * Jobs of tenants by pg-boss: `const jobs = tenantBoss(tenantry, boss)`. Jobs are grouped by environment, unless
 * `options.group` says otherwise, so that pg-boss's `groupConcurrency` keeps one tenant from taking all workers.
 */
export function tenantBoss<B extends Boss>(tenantry: Tenantry, boss: B): TenantBoss<B> {
  return {
    async send(name, data, options) {
      const job = tenantry.jobs.seal(name, data);
      return boss.send(name, job, { group: { id: job.tenantry.environment }, ...options });
    },
    // What a worker does of its own must not go on in the tenant in whose request it happened to be started.
    work: (name, options, handler) =>
      contextStore.exit(() =>
        boss.work(name, { ...options, perJobResults: true }, (jobs) =>
          Promise.all(
            jobs.map((job) =>
              settle(tenantry, job, () =>
                tenantry.jobs.run(name, job.data, (data, context) => handler(data as never, job, context)),
              ),
            ),
          ),
        ),
      ),
  };
}

async function settle(tenantry: Tenantry, { id }: BossJob, work: () => Promise<unknown>): Promise<Outcome> {
  try {
    const output = await work();
    return { id, status: "completed", ...(output !== undefined && { output: asObject(output) }) };
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    const output = { name, message, ...(code !== undefined && { code }) };
    return { id, status: tenantry.jobs.isFinal(error) ? "deadletter" : "failed", output };
  }
}

function asObject(output: unknown): object {
  return typeof output === "object" && output !== null ? output : { value: output };
}

import type { TenantContext } from "../context.ts";
import { JobRefused, RuntimeUnavailable, TenantryError } from "../errors.ts";
import type { RuntimeState } from "../runtime/state.ts";
import { type JobKey, openJob, type SealedJob, sealJob } from "./sealed-job.ts";

/**
 * Takes the tenant along to work that is done later, elsewhere. For pg-boss and BullMQ there are adapters
 * (`@tenantry/sdk/pg-boss`, `@tenantry/sdk/bullmq`); other queues put in what `seal` gives, and pass to `run` what they
 * get out.
 */
export type Jobs = {
  /**
   * A job of the current tenant, as it may lie in a queue. `purpose` names what it is for (a queue): it is refused
   * elsewhere. What lies in the queue can be read, but not changed. Throws `TenantContextMissing`.
   */
  seal(purpose: string, data: unknown): SealedJob;
  /**
   * Works a job off for the tenant who sent it. Throws `JobRefused` when the job proves no tenant,
   * `EnvironmentUnknown` when that tenant is gone (both for good: see `isFinal`), `EnvironmentSuspended` and
   * `EnvironmentUnavailable` when it can be worked off later.
   */
  run<Data, Result>(
    purpose: string,
    job: unknown,
    work: (data: Data, context: TenantContext) => Result | Promise<Result>,
  ): Promise<Result>;
  /** Whether trying a job again, after this error, is in vain. */
  isFinal(error: unknown): boolean;
};

type JobsParts = {
  current: () => TenantContext;
  /** The newest state, once there is one. */
  state: () => RuntimeState | undefined;
  ready: () => Promise<void>;
  runFor: <Result>(
    environmentId: string,
    work: (context: TenantContext) => Result | Promise<Result>,
  ) => Promise<Result>;
};

const finalCodes: readonly string[] = ["job_refused", "environment_unknown"];

export function createJobs({ current, state, ready, runFor }: JobsParts): Jobs {
  function key(): JobKey {
    const { jobKey, audience } = state() ?? {};
    if (!jobKey || !audience) throw new RuntimeUnavailable("Tenantry's API hasn't answered yet.");
    return { key: jobKey, audience };
  }

  return {
    seal(purpose, data) {
      const { tenant, environment } = current();
      return sealJob(key(), purpose, { tenantId: tenant.id, environmentId: environment.id }, data);
    },
    async run<Data, Result>(
      purpose: string,
      job: unknown,
      work: (data: Data, context: TenantContext) => Result | Promise<Result>,
    ) {
      await ready();
      const { owner, data } = openJob(key(), purpose, job);
      return runFor(owner.environmentId, (context) => {
        if (context.tenant.id !== owner.tenantId) throw new JobRefused("its environment is another tenant's");
        return work(data as Data, context);
      });
    },
    isFinal: (error) => error instanceof TenantryError && finalCodes.includes(error.code),
  };
}

import type { TenantContext } from "../context.ts";
import { contextStore } from "../context-store.ts";
import type { Tenantry } from "../tenantry.ts";

/** The little of a BullMQ queue (5 or later) that is needed: no version of it is imported. */
type Queue<Options, Job> = {
  readonly name: string;
  add(name: string, data: object, options?: Options): Promise<Job>;
};
type QueueJob = { name: string; queueName: string; data: unknown };

/**
 * Adds a job of the current tenant: `await addJob(tenantry, queue, "send", { to })`. Throws `TenantContextMissing`: jobs
 * of nobody go to the queue itself.
 */
export async function addJob<Options, Job>(
  tenantry: Tenantry,
  queue: Queue<Options, Job>,
  name: string,
  data: unknown,
  options?: Options,
): Promise<Job> {
  return queue.add(name, tenantry.jobs.seal(purposeOf(queue.name, name), data), options);
}

/**
 * What a BullMQ worker works jobs off by, each in its tenant's context:
 * `new Worker("mail", tenantProcessor(tenantry, async (data, job) => …), { connection })`. A job that proves no tenant,
 * or whose tenant is gone, fails at once and for good; one of a suspended tenant is tried again as its options say.
 */
export function tenantProcessor<Data, Job extends QueueJob, Result>(
  tenantry: Tenantry,
  work: (data: Data, job: Job, context: TenantContext) => Result | Promise<Result>,
): (job: Job) => Promise<Result> {
  return async (job) => {
    try {
      return await contextStore.exit(() =>
        tenantry.jobs.run(purposeOf(job.queueName, job.name), job.data, (data: Data, context) =>
          work(data, job, context),
        ),
      );
    } catch (error) {
      if (!tenantry.jobs.isFinal(error)) throw error;
      throw unrecoverable(error as Error);
    }
  };
}

/** Both names may hold a slash: a job `b/c` of the queue `a` isn't one `c` of the queue `a/b`. */
function purposeOf(queue: string, name: string): string {
  return `${queue.replace(/[%/]/g, encodeURIComponent)}/${name}`;
}

/** BullMQ knows by its name that an error is for good. */
function unrecoverable(cause: Error): Error {
  const error = new Error(cause.message, { cause });
  error.name = "UnrecoverableError";
  return error;
}

import {
  InvalidArgument,
  type JobKey,
  type JobOwner,
  openJob as open,
  sealJob as seal,
} from "@tenantry/data";
import { JobRefused, TenantryError } from "../errors.ts";

export type { JobKey, SealedJob } from "@tenantry/data";

/** Seals a job for its tenant, as `@tenantry/data` does, and throws as this package does. */
export function sealJob(
  key: JobKey,
  purpose: string,
  owner: JobOwner,
  data: unknown,
): ReturnType<typeof seal> {
  try {
    return seal(key, purpose, owner, data);
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    throw new TenantryError(error.message, { code: "invalid_argument", status: 500 });
  }
}

/** Whose job it is, and its data. Throws `JobRefused` for whatever was not sealed with this key for this purpose. */
export function openJob(key: JobKey, purpose: string, job: unknown): { owner: JobOwner; data: unknown } {
  const opened = open(key, purpose, job);
  if ("refused" in opened) throw new JobRefused(opened.refused);
  return opened;
}

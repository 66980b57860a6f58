import { createHmac, timingSafeEqual } from "node:crypto";
import canonicalize from "canonicalize";
import { InvalidArgument } from "../errors.ts";

/** What lies in the queue: the job's data, whose it is, and a seal over both. */
export type SealedJob = {
  tenantry: { v: 1; tenant: string; environment: string; sealedAt: number; seal: string };
  data: unknown;
};

/** The secret of one application of one installation, 32 bytes in base64, and where it holds. */
export type JobKey = { key: string; audience: string };

export type JobOwner = { tenantId: string; environmentId: string };

/** Whose job it is, and its data; or why nobody may work it off. */
export type OpenedJob = { owner: JobOwner; data: unknown } | { refused: string };

/**
 * Seals a job for its tenant: HMAC-SHA-256 over the application, the purpose (which queue, which kind of job), the
 * tenant and the data, each in the form of RFC 8785, in which a queue may store them otherwise without breaking the
 * seal. `data` is what JSON makes of it: a Date becomes text. Throws `InvalidArgument` for what JSON can't say.
 */
export function sealJob(key: JobKey, purpose: string, owner: JobOwner, data: unknown): SealedJob {
  const plain = plainData(data);
  const sealedAt = Math.floor(Date.now() / 1000);
  const seal = sealOf(key, purpose, owner, sealedAt, plain).toString("base64url");
  const { tenantId: tenant, environmentId: environment } = owner;
  return { tenantry: { v: 1, tenant, environment, sealedAt, seal }, data: plain };
}

/** Refuses whatever was not sealed with this key for this purpose. */
export function openJob(key: JobKey, purpose: string, job: unknown): OpenedJob {
  if (!isSealedJob(job)) return { refused: "it carries no tenant: it wasn't sent through this package" };
  const { tenant, environment, sealedAt, seal } = job.tenantry;
  const owner = { tenantId: tenant, environmentId: environment };
  const expected = sealOf(key, purpose, owner, sealedAt, job.data);
  const given = Buffer.from(seal, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return { refused: `its seal isn't valid for ${purpose}: it was changed, or sealed for something else` };
  }
  return { owner, data: job.data };
}

function sealOf(key: JobKey, purpose: string, owner: JobOwner, sealedAt: number, data: unknown): Buffer {
  const said = ["tenantry job 1", key.audience, purpose, owner.tenantId, owner.environmentId, sealedAt, data];
  return createHmac("sha256", Buffer.from(key.key, "base64")).update(canonicalize(said)!).digest();
}

function plainData(data: unknown): unknown {
  const text = JSON.stringify(data ?? null) as string | undefined;
  if (text !== undefined) return JSON.parse(text);
  throw new InvalidArgument("A job's data must be what JSON can say, not a function or a symbol.");
}

function isSealedJob(job: unknown): job is SealedJob {
  if (!isObject(job) || !isObject(job.tenantry) || !("data" in job)) return false;
  const { v, tenant, environment, sealedAt, seal } = job.tenantry;
  const texts = [tenant, environment, seal];
  return v === 1 && typeof sealedAt === "number" && texts.every((text) => typeof text === "string");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

import { createHash } from "node:crypto";
import { meansS3, type S3Place } from "@tenantry/data";
import { failure } from "../../../kernel/index.ts";

/** A server as it is registered: where it is, its bucket, and the key that works on it. */
export type S3Server = Omit<S3Place, "prefix"> & {
  id: string;
  /**
   * `ceph`: our key may make users (Ceph's admin API), and each bucket gets one of its own. Null: applications get our
   * key.
   */
  users: "ceph" | null;
  /** Whether environments at `prefix` get users of their own, too: our key may give users their policies. */
  prefixUsers?: boolean;
  /** By which role applications get keys for a time where no users are made. Absent: they get our key. */
  role?: S3Role | null;
} & Until;

/** A role that our key may assume, at the endpoint of the server's STS. */
export type S3Role = { arn: string; endpoint: string };

/** Whoever asks may be told to stop: then nothing is waited for any more. */
export type Until = { signal?: AbortSignal | undefined };

/** The signal for one request: of its deadline, and of whoever asks. */
export const within = (deadlineMs: number, { signal }: Until): AbortSignal =>
  AbortSignal.any([AbortSignal.timeout(deadlineMs), ...(signal ? [signal] : [])]);

/** Where in the server's bucket things lie: a marker for each place, and its files. */
export const markersPrefix = "places/";
export const filesPrefix = "files/";

const encodedPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

export type PlaceForm = "prefix" | "bucket";

/** Buckets of environments are called after the server's: a policy can name them by a pattern. */
export const bucketNameOf = (server: Pick<S3Server, "bucket">, encodedId: string): string =>
  `${server.bucket.slice(0, 36)}-${encodedId}`;

/** The user of an environment at `prefix`; no bucket's name has a dot here. */
export const prefixUserOf = (server: Pick<S3Server, "bucket">, name: string): string =>
  `${server.bucket.slice(0, 36)}.${name}`;

/** Which form of place a physical name means; undefined for one that this server can't have given. */
export function formOf(server: Pick<S3Server, "bucket">, name: string): PlaceForm | undefined {
  if (encodedPattern.test(name)) return "prefix";
  const encodedId = name.slice(-26);
  return encodedPattern.test(encodedId) && name === bucketNameOf(server, encodedId) ? "bucket" : undefined;
}

export function requireForm(server: Pick<S3Server, "bucket">, name: string): PlaceForm {
  const form = formOf(server, name);
  if (form) return form;
  throw new Error(`${JSON.stringify(name)} is no place of an environment.`);
}

/** Gives what a server or the way to it refused as an error that says what is wrong, and when to try again. */
export async function atServer<Result>(
  server: Pick<S3Server, "endpoint" | "signal">,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    server.signal?.throwIfAborted();
    const said = whatServerSaid(error);
    if (!said) throw error;
    const detail = `The storage server at ${new URL(server.endpoint).host} doesn't do it: ${said.replace(/\.$/, "")}.`;
    throw failure("storage_unavailable", { detail, retryAfterSeconds: 5 }, { cause: error });
  }
}

/** What the store or the way to it said, below our own wrapping; undefined for errors of another kind. */
export function whatServerSaid(error: unknown): string | undefined {
  const { name, code, message, cause, $metadata } = error as Error & { code?: string; $metadata?: object };
  if (name === "StorageUnavailable") return whatServerSaid(cause) ?? String((cause as Error).message);
  const isNetwork = typeof code === "string" && /^(E[A-Z]+|[A-Z]+_[A-Z_]+)$/.test(code);
  if (!$metadata && !isNetwork && name !== "TimeoutError" && name !== "AbortError") return undefined;
  // The client's word for an answer without words.
  return message && message !== name && message !== "UnknownError" ? `${name}, ${message}` : name;
}

/** Whether the key isn't known there, or its secret is another: nothing is said about buckets then. */
export const meansWrongKey = (error: unknown): boolean =>
  meansS3(error, "InvalidAccessKeyId", "SignatureDoesNotMatch", "UserSuspended");

export type UserKeys = ReturnType<typeof keysOf>;

/** Two keys of an environment's own user: one for its application, one for us. Always the same for the same user. */
export function keysOf(deriveKey: (purpose: string) => Buffer, server: Pick<S3Server, "id">, name: string) {
  const key = (holder: "application" | "keeper") => {
    const derived = deriveKey(`s3_user:${server.id}:${name}:${holder}`);
    const half = (part: string) => createHash("sha256").update(part).update(derived).digest();
    return {
      accessKeyId: `TNT${half("id").toString("hex").slice(0, 17).toUpperCase()}`,
      secretAccessKey: half("secret").toString("base64url").slice(0, 40),
    };
  };
  return { application: key("application"), keeper: key("keeper") };
}

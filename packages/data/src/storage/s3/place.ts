import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { S3Client } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { LRUCache } from "lru-cache";

/** Files in a bucket, below a prefix that ends with `/` (or is empty), and the key that reaches them. */
export type S3Place = {
  /** `https://s3.example.com`; nothing but scheme, host and port. */
  endpoint: string;
  region: string;
  bucket: string;
  prefix: string;
  accessKeyId: string;
  secretAccessKey: string;
};

const connectionsPerProcess = 128;
const mostClients = 500;
const connectDeadlineMs = 3_000;
/** So long may a store say nothing before a request is tried again. */
const silenceMs = 10_000;
/** One request and two more; a client stops trying again when too many of its requests need it. */
const attempts = 3;

const idle = { keepAlive: true, maxSockets: connectionsPerProcess };
const shared = {
  handler: undefined as NodeHttpHandler | undefined,
  clients: new LRUCache<string, S3Client>({ max: mostClients }),
};

/** The client for a place. All share this process's connections, so that one costs nothing to forget. */
export function s3ClientOf(place: Omit<S3Place, "bucket" | "prefix">): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = place;
  const name = [endpoint, region, accessKeyId, secretAccessKey].join("\n");
  const known = shared.clients.get(name);
  if (known) return known;
  shared.handler ??= new NodeHttpHandler({
    httpAgent: new HttpAgent(idle),
    httpsAgent: new HttpsAgent(idle),
    connectionTimeout: connectDeadlineMs,
    socketTimeout: silenceMs,
  });
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    // Buckets as hostnames need DNS and certificates that only few stores have.
    forcePathStyle: !new URL(endpoint).hostname.endsWith(".amazonaws.com"),
    requestHandler: shared.handler,
    maxAttempts: attempts,
    retryMode: "standard",
    // Other stores than AWS refuse the newer checksums; TLS and the signature over the body's hash do for them.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  shared.clients.set(name, client);
  return client;
}

/** How long a request without a body may take, all attempts together. */
export const requestDeadlineMs = 25_000;
/** How long a part of an upload may take. */
export const partDeadlineMs = 180_000;

/** Aborts with the caller's signal, or when the time is over. */
export function within(ms: number, signal?: AbortSignal): { abortSignal: AbortSignal } {
  const deadline = AbortSignal.timeout(ms);
  return { abortSignal: signal ? AbortSignal.any([signal, deadline]) : deadline };
}

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { S3Client } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { LRUCache } from "lru-cache";
import type { S3KeySource, S3Keys } from "./keys.ts";

/** Files in a bucket, below a prefix that ends with `/` (or is empty). */
export type S3Address = {
  /** `https://s3.example.com`; nothing but scheme, host and port. */
  endpoint: string;
  region: string;
  bucket: string;
  prefix: string;
};

/** An address, and the key that reaches it. */
export type S3Place = S3Address & S3Keys;

/** An address, and a key that stays or that is given for a time and then anew. */
export type S3Reach = S3Address & (S3Keys | { keySource: S3KeySource });

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
  clients: new LRUCache<string | S3KeySource, S3Client>({ max: mostClients }),
};

type Client = Omit<S3Address, "bucket" | "prefix"> & (S3Keys | { keySource: S3KeySource });

/** The client for a place. All share this process's connections, so that one costs nothing to forget. */
export function s3ClientOf(place: Client): S3Client {
  const { endpoint, region } = place;
  const name =
    "keySource" in place
      ? place.keySource
      : [endpoint, region, place.accessKeyId, place.secretAccessKey].join("\n");
  const known = shared.clients.get(name);
  if (known) return known;
  const client = createClient(place);
  shared.clients.set(name, client);
  return client;
}

function createClient(place: Client): S3Client {
  const { endpoint, region } = place;
  shared.handler ??= new NodeHttpHandler({
    httpAgent: new HttpAgent(idle),
    httpsAgent: new HttpsAgent(idle),
    connectionTimeout: connectDeadlineMs,
    socketTimeout: silenceMs,
  });
  return new S3Client({
    endpoint,
    region,
    credentials:
      "keySource" in place
        ? () => lastingKeys(place.keySource)
        : { accessKeyId: place.accessKeyId, secretAccessKey: place.secretAccessKey },
    // Buckets as hostnames need DNS and certificates that only few stores have.
    forcePathStyle: !new URL(endpoint).hostname.endsWith(".amazonaws.com"),
    requestHandler: shared.handler,
    maxAttempts: attempts,
    retryMode: "standard",
    // Other stores than AWS refuse the newer checksums; TLS and the signature over the body's hash do for them.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

/** The client asks anew for each request: the source knows by itself how long its keys are good for. */
const lastingKeys = async (keys: S3KeySource) => ({ ...(await keys.get()), expiration: new Date(0) });

/** How long a request without a body may take, all attempts together. */
export const requestDeadlineMs = 25_000;
/** How long a part of an upload may take. */
export const partDeadlineMs = 180_000;

/** Aborts with the caller's signal, or when the time is over. */
export function within(ms: number, signal?: AbortSignal): { abortSignal: AbortSignal } {
  const deadline = AbortSignal.timeout(ms);
  return { abortSignal: signal ? AbortSignal.any([signal, deadline]) : deadline };
}

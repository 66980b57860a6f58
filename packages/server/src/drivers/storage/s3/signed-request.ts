import { createHash, createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { SignatureV4 } from "@smithy/signature-v4";
import type { S3Keys } from "@tenantry/data";
import { type Until, within } from "./server.ts";

const deadlineMs = 20_000;

export type SignedRequest = {
  /** `https://host`, with a port where it needs one. */
  endpoint: string;
  region: string;
  service: "s3" | "sts";
  keys: S3Keys;
  method: string;
  path: string;
  query?: Record<string, string>;
  /** Sent as a form. */
  form?: Record<string, string>;
  until: Until;
};

/** A refusal by an API beside S3 itself (Ceph's admin API, IAM, STS), named as it names it. */
export class ApiRefused extends Error {
  readonly $metadata: { httpStatusCode: number };

  constructor(name: string, status: number, message: string) {
    super(message);
    this.name = name;
    this.$metadata = { httpStatusCode: status };
  }
}

/** The answer's body. Throws what is refused by its name. */
export async function sendSigned(request: SignedRequest): Promise<string> {
  const { endpoint, region, service, keys, method, path, query = {} } = request;
  const url = new URL(endpoint);
  const signer = new SignatureV4({
    ...{ service, region, credentials: keys },
    ...{ sha256: Sha256, uriEscapePath: false },
  });
  const body = request.form && new URLSearchParams(request.form).toString();
  const headers = {
    host: url.host,
    ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded" }),
  };
  const signed = await signer.sign({
    ...{ method, path, protocol: url.protocol, hostname: url.hostname, query, headers, body },
    ...(url.port && { port: Number(url.port) }),
  });
  const pairs = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
  const target = new URL(`${path}?${pairs.join("&")}`, url);
  const answer = await exchange(target, { method, headers: signed.headers, body, until: request.until });
  if (answer.status < 300) return answer.body;
  const said = /<Message>([^<]+)</.exec(answer.body)?.[1] ?? `it answered ${answer.status}`;
  throw new ApiRefused(nameIn(answer.body) ?? "Refused", answer.status, said);
}

function nameIn(body: string): string | undefined {
  return /"Code":"(\w+)"|<Code>([\w.]+)</.exec(body)?.slice(1).find(Boolean);
}

type Outgoing = { method: string; headers: Record<string, string>; body: string | undefined; until: Until };

async function exchange(
  url: URL,
  { method, headers, body, until }: Outgoing,
): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const client = url.protocol === "https:" ? https : http;
  const options = { method, headers, signal: within(deadlineMs, until) };
  const request = client.request(url, options, (response) => {
    text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
  });
  request.on("error", reject).end(body);
  return promise;
}

/** SHA-256, plain or keyed, as the signer wants it. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer);
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): never {
    throw new Error("A hash is for one text.");
  }
}

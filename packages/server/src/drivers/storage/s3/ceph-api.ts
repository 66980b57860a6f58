import { createHash, createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { SignatureV4 } from "@smithy/signature-v4";
import { type S3Server, type Until, within } from "./server.ts";

const deadlineMs = 20_000;

/** A refusal by Ceph's admin API, named as it names it. */
class CephRefused extends Error {
  readonly $metadata: { httpStatusCode: number };

  constructor(name: string, status: number) {
    super(`Ceph's admin API answered ${status}`);
    this.name = name;
    this.$metadata = { httpStatusCode: status };
  }
}

export const hasCephName = (error: unknown, ...names: string[]): boolean =>
  error instanceof CephRefused && names.includes(error.name);

/** A request to the admin API, signed with the server's own key. Throws what the API refuses by its name. */
export async function askCeph(
  server: Omit<S3Server, "id" | "users">,
  method: string,
  path: string,
  query: Record<string, string>,
): Promise<unknown> {
  const url = new URL(server.endpoint);
  const { accessKeyId, secretAccessKey, region } = server;
  const signer = new SignatureV4({
    ...{ service: "s3", region, credentials: { accessKeyId, secretAccessKey } },
    ...{ sha256: Sha256, uriEscapePath: false },
  });
  const request = await signer.sign({
    ...{ method, path, protocol: url.protocol, hostname: url.hostname },
    ...(url.port && { port: Number(url.port) }),
    query: { format: "json", ...query },
    headers: { host: url.host },
  });
  const { status, body } = await send(url, method, path, { ...request, until: server });
  if (status < 300) return body === "" ? undefined : JSON.parse(body);
  throw new CephRefused(nameIn(body) ?? "Refused", status);
}

function nameIn(body: string): string | undefined {
  return /"Code":"(\w+)"|<Code>(\w+)</.exec(body)?.slice(1).find(Boolean);
}

type Signed = { query?: unknown; headers: Record<string, string>; until: Until };

async function send(
  url: URL,
  method: string,
  path: string,
  { query, headers, until }: Signed,
): Promise<{ status: number; body: string }> {
  const pairs = Object.entries(query as Record<string, string>);
  const search = pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const client = url.protocol === "https:" ? https : http;
  const options = { method, headers, signal: within(deadlineMs, until) };
  const request = client.request(new URL(`${path}?${search}`, url), options, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  request.on("error", reject).end();
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

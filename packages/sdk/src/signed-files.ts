import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readSigned, signedFilesPath } from "@tenantry/data";
import type { TenantContext } from "./context.ts";
import { contextStore } from "./context-store.ts";
import { TenantryError } from "./errors.ts";
import { fileRefused, filesOf } from "./file-places.ts";
import { headerOf, type RequestHeaders } from "./headers.ts";
import { problemOf } from "./problem.ts";

/** Whether a request is one of those that `storage.signDownload` and `signUpload` give out for files on a disk. */
export const isForSignedFile = (url: string | undefined): boolean =>
  url?.startsWith(signedFilesPath) ?? false;

/** A request as any server has it. */
export type FileRequest = {
  method: string;
  url: string;
  headers: RequestHeaders;
  body: AsyncIterable<Uint8Array> | null;
};

export type FileAnswer = { status: number; headers: Record<string, string>; body: Readable | string | null };

/**
 * Answers a request that was signed for a file of this tenant; 403 when it wasn't, is used otherwise than it was meant,
 * or has expired. Needs no session: the signature is made with a key that this environment alone has. Throws what isn't
 * an error of ours, as when the request is cut off.
 */
export async function signedAnswer(context: TenantContext, request: FileRequest): Promise<FileAnswer> {
  try {
    return await contextStore.run(context, () => answer(context, request));
  } catch (error) {
    const problem = problemOf(error);
    if (problem) return problem;
    throw error;
  }
}

/** The same for Node's requests and responses, answer included. */
export async function answerSignedFile(
  context: TenantContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "", url = "", headers } = request;
  try {
    const {
      status,
      headers: given,
      body,
    } = await signedAnswer(context, { method, url, headers, body: request });
    response.writeHead(status, given);
    if (body instanceof Readable) await pipeline(body, response);
    else response.end(body);
  } catch (error) {
    // Cut off by the visitor, or by the storage half-way: then nobody may take what came for the whole.
    response.destroy(error as Error);
  }
}

async function answer(context: TenantContext, request: FileRequest): Promise<FileAnswer> {
  const storage = filesOf(context);
  const signingKey = (storage?.driver === "fs" && storage.signingKey) || "";
  const allowed = readSigned(signingKey, request.method, request.url);
  if (!allowed) {
    await fileRefused(context, request);
    throw refused("This address isn't good here, or not any more.");
  }
  if (allowed.method === "GET") return send(context, allowed.key, request);
  const { key, contentType, bytes } = allowed;
  const [type, length] = ["content-type", "content-length"].map((name) => headerOf(request.headers, name));
  if (type !== contentType || length !== String(bytes)) throw refused("This address is for another file.");
  await context.storage.put(key, exactly(bytes, request.body ?? Readable.from([])), {
    contentType,
    maxBytes: bytes,
  });
  return { status: 204, headers: { "cache-control": "no-store" }, body: null };
}

async function* exactly(bytes: number, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of body) {
    received += chunk.byteLength;
    yield chunk;
  }
  if (received !== bytes) throw refused("The file didn't come whole.");
}

async function send(context: TenantContext, key: string, request: FileRequest): Promise<FileAnswer> {
  const asked = /^bytes=(\d+)-(\d*)$/.exec(headerOf(request.headers, "range") ?? "");
  const range = asked ? { start: Number(asked[1]), ...(asked[2] && { end: Number(asked[2]) }) } : undefined;
  const object = await context.storage.get(key, { range });
  const { start, end } = object.range ?? { start: 0, end: object.size - 1 };
  const headers = {
    "content-type": object.contentType,
    "content-length": String(end - start + 1),
    ...(object.range && { "content-range": `bytes ${start}-${end}/${object.size}` }),
    etag: `"${object.etag}"`,
    "cache-control": "private, no-store",
    // It is the tenant's own host: nothing that was uploaded may run there.
    "content-disposition": "attachment",
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
  };
  const isHead = request.method === "HEAD";
  if (isHead) object.body.destroy();
  return { status: object.range ? 206 : 200, headers, body: isHead ? null : object.body };
}

function refused(message: string): TenantryError {
  return new TenantryError(message, { code: "forbidden", status: 403 });
}

import { failure } from "../../kernel/index.ts";
import type { Reply, Request } from "./types.ts";

/** The ETag of a row's revision. */
export function etagOf(revision: number | string): string {
  return `"${revision}"`;
}

/** Refuses with 412 when `If-Match` names another revision. Call it on the locked row, in the transaction. */
export function requireMatch(request: Request, revision: number | string): void {
  const wanted = request.headers["if-match"];
  if (wanted === undefined || listed(wanted).some((tag) => tag === "*" || tag === etagOf(revision))) return;
  throw failure("precondition_failed", { detail: `It is at ${etagOf(revision)} now.` });
}

/** Answers 304 without a body when the client holds what the reply's ETag names. */
export async function answerNotModified(request: Request, reply: Reply, payload: unknown): Promise<unknown> {
  const held = request.headers["if-none-match"];
  const tag = reply.getHeader("etag");
  if (held === undefined || typeof tag !== "string" || reply.statusCode !== 200) return payload;
  if (request.method !== "GET" && request.method !== "HEAD") return payload;
  if (!listed(held).some((one) => one === "*" || one.replace(/^W\//, "") === tag.replace(/^W\//, "")))
    return payload;
  reply.code(304).removeHeader("content-type").removeHeader("content-length");
  // Fastify measures what a HEAD request's reply would be: it wants text there.
  return request.method === "HEAD" ? "" : null;
}

function listed(header: string): string[] {
  return header.split(",").map((tag) => tag.trim());
}

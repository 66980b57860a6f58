import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import type { TenantContext } from "../context.ts";
import { contextStore } from "../context-store.ts";
import { type Problem, problemOf } from "../problem.ts";
import { isForSignedFile, signedAnswer } from "../signed-files.ts";
import type { Tenantry } from "../tenantry.ts";
import { type AdapterOptions, bindEvents } from "./request-context.ts";

/** The little of Hono's context that the middleware needs: no version of Hono is imported. */
type HonoContext = {
  req: { path: string; raw: Request };
  env: unknown;
  get res(): Response;
  set res(response: Response | undefined);
  error?: Error | undefined;
};

/**
 * `app.use(tenantMiddleware(tenantry))`, before everything that belongs to a tenant. A request without a usable tenant
 * is answered with a problem document; so is one whose handler throws an error of this package, unless the application's
 * own `onError` answers it with something else than 500, which is what Hono says to errors that nobody knows. Streamed
 * answers keep their tenant until they end.
 */
export function tenantMiddleware(tenantry: Tenantry, options: AdapterOptions = {}) {
  return async (honoContext: HonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    if (options.skip?.(honoContext.req.path)) {
      await next();
      return undefined;
    }
    let context: TenantContext;
    try {
      context = await tenantry.resolve(honoContext.req.raw);
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) throw error;
      return toResponse(problem);
    }
    const { raw } = honoContext.req;
    if (isForSignedFile(new URL(raw.url).pathname)) return signedFile(context, raw);
    bindNodeEvents(honoContext.env, context);
    await contextStore.run(context, next);
    const problem = problemOf(honoContext.error);
    if (problem && honoContext.res.status === 500) replace(honoContext, toResponse(problem));
    else bindBody(honoContext, context);
    return undefined;
  };
}

async function signedFile(
  context: TenantContext,
  { method, url, headers, body }: Request,
): Promise<Response> {
  const request = { method, url, headers, body: body as AsyncIterable<Uint8Array> | null };
  const { status, headers: given, body: answer } = await signedAnswer(context, request);
  const stream = answer instanceof Readable ? (Readable.toWeb(answer) as ReadableStream) : answer;
  return new Response(stream, { status, headers: given });
}

function toResponse({ status, headers, body }: Problem): Response {
  return new Response(body, { status, headers });
}

/** Hono merges a new response's headers with the old one's, unless there is none. */
function replace(honoContext: HonoContext, response: Response): void {
  honoContext.res = undefined;
  honoContext.res = response;
}

/** On Node the request and response stand behind Hono's; elsewhere there are none. */
function bindNodeEvents(env: unknown, context: TenantContext): void {
  const { incoming, outgoing } = (env ?? {}) as Record<string, unknown>;
  for (const emitter of [incoming, outgoing]) {
    if (emitter instanceof EventEmitter) bindEvents(emitter, context);
  }
}

/** The server pulls a streamed body after the middleware is done: whatever produces it must run in its tenant still. */
function bindBody(honoContext: HonoContext, context: TenantContext): void {
  const response = honoContext.res;
  if (isMadeOfText(response) || response.body === null) return;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) =>
        contextStore.run(context, async () => {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        }),
      cancel: (reason) => contextStore.run(context, () => reader.cancel(reason)),
    },
    { highWaterMark: 0 },
  );
  replace(honoContext, new Response(body, response));
}

/**
 * Hono's server for Node keeps what a response was made of, until somebody looks, and sends text and bytes much faster
 * that way. Where it doesn't, every body is taken for a stream, which is right too.
 */
function isMadeOfText(response: Response): boolean {
  const symbol = Object.getOwnPropertySymbols(response).find(({ description }) => description === "cache");
  const parts = symbol && (response as unknown as Record<symbol, unknown>)[symbol];
  if (!Array.isArray(parts)) return false;
  const body: unknown = parts[1];
  return body === null || body === undefined || typeof body === "string" || body instanceof Uint8Array;
}

import type { IncomingMessage, ServerResponse } from "node:http";
import { contextStore } from "../context-store.ts";
import { type Problem, problemOf } from "../problem.ts";
import { answerSignedFile, isForSignedFile } from "../signed-files.ts";
import type { Tenantry } from "../tenantry.ts";
import { type AdapterOptions, bindEvents, pathOf } from "./request-context.ts";

type Request = { raw: IncomingMessage };
type Reply = {
  raw: ServerResponse;
  code(status: number): Reply;
  headers(values: Record<string, string>): Reply;
  send(payload: unknown): unknown;
  hijack(): unknown;
};
type Done = (error?: Error) => void;
type Hook = (request: Request, reply: Reply, done: Done) => void;
/** The little of a Fastify instance that the plugin needs: no version of Fastify is imported. */
type Instance = { addHook(name: "onRequest", hook: Hook): unknown };

/**
 * `app.register(tenantPlugin, { tenantry })`: every route of `app` runs in its request's tenant, also the parsing of
 * its body and later hooks. A request without a usable tenant is answered with a problem document.
 */
export function tenantPlugin(
  app: Instance,
  { tenantry, skip }: AdapterOptions & { tenantry: Tenantry },
  registered: Done,
): void {
  app.addHook("onRequest", (request, reply, done) => {
    if (skip?.(pathOf(request.raw.url))) {
      done();
      return;
    }
    tenantry.resolve(request.raw).then(
      (context) => {
        if (isForSignedFile(request.raw.url)) {
          reply.hijack();
          return void answerSignedFile(context, request.raw, reply.raw);
        }
        bindEvents(request.raw, context);
        bindEvents(reply.raw, context);
        contextStore.run(context, done);
      },
      (error: Error) => {
        const problem = problemOf(error);
        if (problem) send(reply, problem);
        else done(error);
      },
    );
  });
  registered();
}

/**
 * `app.setErrorHandler(tenantErrorHandler)`: answers errors of this package (a tenant suspended half-way, say) with their
 * problem document, and leaves every other error to Fastify.
 */
export function tenantErrorHandler(error: unknown, _request: unknown, reply: Reply): void {
  const problem = problemOf(error);
  if (problem) send(reply, problem);
  else reply.send(error);
}

function send(reply: Reply, { status, headers, body }: Problem): void {
  // As bytes: Fastify adds a charset to text, and this media type knows none.
  reply.code(status).headers(headers).send(Buffer.from(body));
}

// Fastify gives each plugin a scope of its own; the hook is meant for the whole of `app`.
Object.assign(tenantPlugin, { [Symbol.for("skip-override")]: true });

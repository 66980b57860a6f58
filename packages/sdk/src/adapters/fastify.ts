import type { IncomingMessage, ServerResponse } from "node:http";
import { contextStore } from "../context-store.ts";
import { isTenantryError } from "../errors.ts";
import { problemOf } from "../problem.ts";
import type { Tenantry } from "../tenantry.ts";
import { type AdapterOptions, bindEvents, pathOf } from "./request-context.ts";

type Request = { raw: IncomingMessage };
type Reply = {
  raw: ServerResponse;
  code(status: number): Reply;
  headers(values: Record<string, string>): Reply;
  send(payload: unknown): unknown;
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
        bindEvents(request.raw, context);
        bindEvents(reply.raw, context);
        contextStore.run(context, done);
      },
      (error: Error) => {
        if (!isTenantryError(error)) {
          done(error);
          return;
        }
        const { status, headers, body } = problemOf(error);
        // As bytes: Fastify adds a charset to text, and this media type knows none.
        reply.code(status).headers(headers).send(Buffer.from(body));
      },
    );
  });
  registered();
}

// Fastify gives each plugin a scope of its own; the hook is meant for the whole of `app`.
Object.assign(tenantPlugin, { [Symbol.for("skip-override")]: true });

import type { IncomingMessage, ServerResponse } from "node:http";
import { contextStore } from "../context-store.ts";
import { problemOf } from "../problem.ts";
import { answerSignedFile, isForSignedFile } from "../signed-files.ts";
import type { Tenantry } from "../tenantry.ts";
import { type AdapterOptions, bindEvents, pathOf } from "./request-context.ts";

/** Express shortens `url` where a router is mounted. */
type Request = IncomingMessage & { originalUrl?: string };
type Next = (error?: unknown) => void;

/**
 * `app.use(tenantMiddleware(tenantry))`, before everything that belongs to a tenant; body parsers may come before or
 * after. A request without a usable tenant is answered with a problem document.
 */
export function tenantMiddleware(tenantry: Tenantry, options: AdapterOptions = {}) {
  return (request: Request, response: ServerResponse, next: Next): void => {
    if (options.skip?.(pathOf(request.originalUrl ?? request.url))) {
      next();
      return;
    }
    tenantry.resolve(request).then(
      (context) => {
        const target = request.originalUrl ?? request.url;
        if (isForSignedFile(target)) return void answerSignedFile(context, request, response);
        bindEvents(request, context);
        bindEvents(response, context);
        contextStore.run(context, next);
      },
      (error: unknown) => tenantErrors()(error, request, response, next),
    );
  };
}

/**
 * `app.use(tenantErrors())`, after the routes: answers errors of this package (a tenant suspended half-way, say) with
 * their problem document, and leaves every other error to the next handler.
 */
export function tenantErrors() {
  return (error: unknown, _request: IncomingMessage, response: ServerResponse, next: Next): void => {
    const problem = response.headersSent ? undefined : problemOf(error);
    if (problem) response.writeHead(problem.status, problem.headers).end(problem.body);
    else next(error);
  };
}

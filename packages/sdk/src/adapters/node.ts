import type { IncomingMessage, ServerResponse } from "node:http";
import { contextStore } from "../context-store.ts";
import { isTenantryError } from "../errors.ts";
import { problemOf } from "../problem.ts";
import type { Tenantry } from "../tenantry.ts";
import { type AdapterOptions, bindEvents, pathOf } from "./request-context.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * Wraps a `node:http` listener so that it runs in its request's tenant:
 * `createServer(tenantListener(tenantry, (request, response) => …))`. A request without a usable tenant is answered
 * with a problem document; so is one whose listener fails with an error of this package. Any other failure of an async
 * listener is answered with a bare 500 and reported as an uncaught exception would be.
 */
export function tenantListener(
  tenantry: Tenantry,
  listener: Listener,
  options: AdapterOptions = {},
): Listener {
  return async (request, response) => {
    if (options.skip?.(pathOf(request.url))) return listener(request, response);
    try {
      const context = await tenantry.resolve(request);
      bindEvents(request, context);
      bindEvents(response, context);
      await contextStore.run(context, async () => listener(request, response));
    } catch (error) {
      if (!isTenantryError(error)) throw error;
      answer(response, error);
    }
  };
}

/** Writes the problem, unless the answer has begun: then all that is left is to cut it off. */
function answer(response: ServerResponse, error: Parameters<typeof problemOf>[0]): void {
  if (response.headersSent) {
    response.destroy(error);
    return;
  }
  const { status, headers, body } = problemOf(error);
  response.writeHead(status, headers).end(body);
}

import type { IncomingMessage, ServerResponse } from "node:http";
import { contextStore } from "../context-store.ts";
import { type Problem, problemOf } from "../problem.ts";
import { answerSignedFile, isForSignedFile } from "../signed-files.ts";
import type { Tenantry } from "../tenantry.ts";
import { type AdapterOptions, bindEvents, pathOf } from "./request-context.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * Wraps a `node:http` listener so that it runs in its request's tenant:
 * `createServer(tenantListener(tenantry, (request, response) => …))`. A request without a usable tenant is answered
 * with a problem document; so is one whose listener fails with an error of this package. Any other failure is the
 * listener's own, as it would be without us.
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
      if (isForSignedFile(request.url)) return await answerSignedFile(context, request, response);
      bindEvents(request, context);
      bindEvents(response, context);
      await contextStore.run(context, async () => listener(request, response));
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) throw error;
      answer(response, problem, error as Error);
    }
  };
}

/** Writes the problem, unless the answer has begun: then all that is left is to cut it off. */
function answer(response: ServerResponse, { status, headers, body }: Problem, error: Error): void {
  if (response.headersSent) response.destroy(error);
  else response.writeHead(status, headers).end(body);
}

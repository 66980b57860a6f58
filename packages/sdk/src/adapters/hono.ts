import { contextStore } from "../context-store.ts";
import { isTenantryError, type TenantryError } from "../errors.ts";
import { problemOf } from "../problem.ts";
import type { Tenantry } from "../tenantry.ts";
import type { AdapterOptions } from "./request-context.ts";

/** The little of Hono's context that the middleware needs: no version of Hono is imported. */
type HonoContext = {
  req: { path: string; raw: Request };
  res: Response;
  error?: Error | undefined;
};

/**
 * `app.use(tenantMiddleware(tenantry))`, before everything that belongs to a tenant. A request without a usable tenant
 * is answered with a problem document; so is one whose handler throws an error of this package.
 */
export function tenantMiddleware(tenantry: Tenantry, options: AdapterOptions = {}) {
  return async (honoContext: HonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    if (options.skip?.(honoContext.req.path)) {
      await next();
      return undefined;
    }
    try {
      const context = await tenantry.resolve(honoContext.req.raw);
      await contextStore.run(context, next);
    } catch (error) {
      if (!isTenantryError(error)) throw error;
      return problemResponse(error);
    }
    if (isTenantryError(honoContext.error)) honoContext.res = problemResponse(honoContext.error);
    return undefined;
  };
}

function problemResponse(error: TenantryError): Response {
  const { status, headers, body } = problemOf(error);
  return new Response(body, { status, headers });
}

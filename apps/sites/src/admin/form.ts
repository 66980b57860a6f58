import { checkOrigin } from "@tenantry/sdk";
import type { MiddlewareHandler } from "hono";
import type { AdminContext, AdminEnv } from "./editor.ts";

/** The fields of a form that was sent; of a field that was sent twice, the last. */
export async function readForm(context: AdminContext): Promise<Record<string, string>> {
  const fields = await context.req.parseBody();
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

export const csrfField = "csrf";

/** Whether nobody else made the browser send this; `token` is the form's `csrf` field. */
export function isOwnRequest(context: AdminContext, token: string | undefined): boolean {
  return checkOrigin({ method: context.req.method, headers: context.req.raw.headers }, token).allowed;
}

/** Refuses forms that another site made the browser send. */
export function refuseForeignForms(
  refuse: (context: AdminContext) => Response | Promise<Response>,
): MiddlewareHandler<AdminEnv> {
  return async (context, next) => {
    if (context.req.method === "POST" && !isOwnRequest(context, (await readForm(context))[csrfField])) {
      return refuse(context);
    }
    await next();
    return undefined;
  };
}

/** The version that a form says the editor saw; 0, which no page ever has, when it says none. */
export function seenVersion(text: string | undefined): number {
  return /^[1-9]\d{0,8}$/.test(text ?? "") ? Number(text) : 0;
}

import { isTenantryError, type Tenantry } from "@tenantry/sdk";
import { Hono } from "hono";
import type { AdminContext, AdminEnv } from "../admin/editor.ts";
import { identityOf } from "../identity.ts";
import { administer, showUser, toLogin } from "./user-saving-routes.ts";

/** What an admin does about a user's address that isn't proven: a link to send, or their own word for it. */
export function addressRoutes(tenantry: Tenantry): Hono<AdminEnv> {
  const routes = new Hono<AdminEnv>();
  const id = (context: AdminContext): string => context.req.param("id") ?? "";

  routes.post("/:id{usr_[0-9a-z]{1,60}}/confirm", async (context) => {
    if (!context.var.editor) return toLogin(context);
    await administer(tenantry, context).update(id(context), { emailVerified: true });
    return context.redirect(`/admin/users/${id(context)}?done=user-vouched`, 303);
  });

  routes.post("/:id{usr_[0-9a-z]{1,60}}/link", async (context) => {
    if (!context.var.editor) return toLogin(context);
    const admin = administer(tenantry, context);
    const made = await admin.verification(id(context)).catch((error: unknown) => {
      // They were faster: there is nothing left to prove.
      if (isTenantryError(error) && error.code === "email_verified") return undefined;
      throw error;
    });
    if (!made) return context.redirect(`/admin/users/${id(context)}?done=user-vouched`, 303);
    const { origin } = identityOf(tenantry, context.req.raw);
    const proof = { link: `${origin}/verify-email?token=${made.token}`, expiresAt: made.expiresAt };
    return showUser(tenantry, context, await admin.show(id(context)), { status: 200 }, proof);
  });
  return routes;
}

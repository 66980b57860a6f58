import { type RuntimeUser, readSessionCookie, type Tenantry } from "@tenantry/sdk";
import type { Context, MiddlewareHandler } from "hono";

/** Who works on the site. */
export type Editor = {
  id: string;
  /** How the others see who changed something. */
  name: string;
  email: string;
  role: string;
  /** Viewers look at everything and change nothing. */
  mayEdit: boolean;
  /** Admins look after the users, too. */
  isAdmin: boolean;
  /** Admins of a site that stands above others see those that let it. */
  seesSites: boolean;
  sessionToken: string;
};

export type AdminEnv = { Variables: { editor: Editor | undefined } };
export type AdminContext = Context<AdminEnv>;

const editingRoles = new Set(["admin", "editor"]);

/** Finds out who is logged in; `context.var.editor` is undefined when nobody is. */
export function recogniseEditor(tenantry: Tenantry): MiddlewareHandler<AdminEnv> {
  return async (context, next) => {
    const sessionToken = readSessionCookie(context.req.raw);
    const user = await tenantry.auth.user(sessionToken);
    context.set(
      "editor",
      user && sessionToken !== undefined ? editorOf(tenantry, user, sessionToken) : undefined,
    );
    await next();
  };
}

function editorOf(tenantry: Tenantry, user: RuntimeUser, sessionToken: string): Editor {
  const isAdmin = user.role === "admin";
  return {
    id: user.id,
    name: user.name ?? user.email,
    email: user.email,
    role: user.role,
    mayEdit: editingRoles.has(user.role),
    isAdmin,
    seesSites: isAdmin && tenantry.current().tenant.hasChildren,
    sessionToken,
  };
}

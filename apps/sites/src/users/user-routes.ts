import { isTenantryError, type Tenantry } from "@tenantry/sdk";
import { Hono, type MiddlewareHandler } from "hono";
import { deleteView } from "../admin/delete-view.ts";
import type { AdminContext, AdminEnv } from "../admin/editor.ts";
import { showForAdminsOnly, showNoAdminLeft, showNothingHere } from "../admin/refusals.ts";
import { editorOf, showAdmin } from "../admin/shown.ts";
import { maxUsers } from "../limits.ts";
import { addressRoutes } from "./address-routes.ts";
import { userListView } from "./user-list-view.ts";
import { administer, showUser, toLogin, userSavingRoutes } from "./user-saving-routes.ts";

const partSize = 25;

/** The tenant's users, for its admins: the list of them, and what is done to one without writing [IAM-2]. */
export function userRoutes(tenantry: Tenantry): Hono<AdminEnv> {
  const routes = new Hono<AdminEnv>();
  const id = (context: AdminContext): string => context.req.param("id") ?? "";
  routes.use(refuseOthersThanAdmins(tenantry));

  routes.get("/", (context) => showList(tenantry, context));
  routes.route("/", userSavingRoutes(tenantry));
  routes.route("/", addressRoutes(tenantry));

  routes.get("/:id{usr_[0-9a-z]{1,60}}", async (context) =>
    showUser(tenantry, context, await administer(tenantry, context).show(id(context))),
  );

  routes.post("/:id{usr_[0-9a-z]{1,60}}/:measure{sessions|deactivate|activate}", async (context) => {
    if (!context.var.editor) return toLogin(context);
    const admin = administer(tenantry, context);
    const measure = context.req.param("measure");
    if (measure === "sessions") await admin.endSessions(id(context));
    else await admin.update(id(context), { status: measure === "activate" ? "active" : "deactivated" });
    const done = measure === "sessions" ? "sessions-ended" : `user-${measure}d`;
    return context.redirect(`/admin/users/${id(context)}?done=${done}`, 303);
  });

  routes.get("/:id{usr_[0-9a-z]{1,60}}/delete", async (context) => {
    const user = await administer(tenantry, context).show(id(context));
    const view = deleteView(
      {
        section: "users",
        what: user.name ?? user.email,
        consequence: `${user.email} can’t log in any more. Pages and files stay.`,
        action: `/admin/users/${user.id}/delete`,
        back: `/admin/users/${user.id}`,
        keep: "Keep them",
      },
      editorOf(context),
    );
    return showAdmin(tenantry, context, view);
  });

  routes.post("/:id{usr_[0-9a-z]{1,60}}/delete", async (context) => {
    if (!context.var.editor) return toLogin(context);
    await administer(tenantry, context)
      .remove(id(context))
      .catch((error: unknown) => {
        // Somebody was faster: it is as it was wanted.
        if (!isTenantryError(error) || error.code !== "user_not_found") throw error;
      });
    return context.redirect("/admin/users?done=user-deleted", 303);
  });

  routes.onError((error, context) => answerRefusal(tenantry, context, error));
  return routes;
}

function refuseOthersThanAdmins(tenantry: Tenantry): MiddlewareHandler<AdminEnv> {
  return async (context, next) => {
    const { editor } = context.var;
    if (editor && !editor.isAdmin) return showForAdminsOnly(tenantry, context);
    await next();
    return undefined;
  };
}

async function showList(tenantry: Tenantry, context: AdminContext): Promise<Response> {
  const search = (context.req.query("search") ?? "")
    .replace(/\p{Cc}/gu, "")
    .trim()
    .slice(0, 200);
  const after = context.req.query("after");
  const admin = administer(tenantry, context);
  const page = await admin
    .list({ limit: partSize, ...(search !== "" && { search }), ...(after && { cursor: after }) })
    .catch((error: unknown) => {
      // A place in the list that was typed, or cut off.
      if (after && isTenantryError(error) && error.code === "invalid_request") return undefined;
      throw error;
    });
  if (!page) return context.redirect("/admin/users", 303);
  const { settings, timezone } = tenantry.current();
  const { items: users, nextCursor } = page;
  const list = { users, nextCursor, search, timezone, limit: maxUsers(settings), isLaterPart: !!after };
  return showAdmin(tenantry, context, userListView(list, editorOf(context)));
}

/** What the API refuses while a page is open: rights or a session that ended meanwhile, a user who is gone. */
function answerRefusal(
  tenantry: Tenantry,
  context: AdminContext,
  error: Error,
): Response | Promise<Response> {
  if (!isTenantryError(error)) throw error;
  switch (error.code) {
    case "session_invalid":
      return toLogin(context);
    case "forbidden":
      return showForAdminsOnly(tenantry, context);
    case "last_admin":
      return showNoAdminLeft(tenantry, context);
    case "user_not_found":
      return showNothingHere(tenantry, context);
    default:
      throw error;
  }
}

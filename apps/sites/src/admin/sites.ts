import { isTenantryError, type Tenantry } from "@tenantry/sdk";
import type { AdminContext } from "./editor.ts";
import { showNothingHere } from "./refusals.ts";
import { showAdmin } from "./shown.ts";
import { siteListView } from "./site-list-view.ts";

const partSize = 50;

/** The sites below this one that let its admins see them [REG-6]. To everybody else there is no such page. */
export async function showSites(tenantry: Tenantry, context: AdminContext): Promise<Response> {
  if (!context.var.editor?.seesSites) return showNothingHere(tenantry, context);
  const after = context.req.query("after");
  const part = await tenantry.tenants
    .children({ limit: partSize, ...(after && { cursor: after }) })
    .catch((error: unknown) => {
      // A place in the list that was typed, or cut off.
      if (after && isTenantryError(error) && error.code === "invalid_request") return undefined;
      throw error;
    });
  if (!part) return context.redirect("/admin/sites", 303);
  return showAdmin(tenantry, context, siteListView({ ...part, isLaterPart: !!after }));
}

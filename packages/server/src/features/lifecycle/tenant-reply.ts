import type { TenantReply } from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import { etagOf, type Reply } from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import { findTenant } from "../tenants/index.ts";
import { type PublicUrl, showTenants } from "./tenant-view.ts";

export const tags = ["tenants"];
export const tenantParams = z.object({
  tenant: z.string().max(200).describe("Its id (tnt_…) or its slug."),
});

export type ShowDependencies = { db: Db; publicUrl: PublicUrl };

/** One tenant as the API shows it, with its ETag. */
export async function showOne(
  { db, publicUrl }: ShowDependencies,
  reply: Reply,
  tenantId: string,
): Promise<TenantReply> {
  const tenant = await findTenant(db, showId("tnt", tenantId));
  reply.header("etag", etagOf(tenant.revision));
  return (await showTenants(db, [tenant], publicUrl))[0]!;
}

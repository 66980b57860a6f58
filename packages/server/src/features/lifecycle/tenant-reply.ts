import type { TenantReply } from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import {
  acceptOperation,
  etagOf,
  preferredWaitSeconds,
  type Reply,
  replyWithOperation,
} from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import { findTenant } from "../tenants/index.ts";
import { type PublicUrl, showTenants } from "./tenant-view.ts";

export const tags = ["tenants"];
export const tenantParams = z.object({
  tenant: z.string().max(200).describe("Its id (tnt_…) or its slug."),
});

export type ShowDependencies = { db: Db; publicUrl: PublicUrl };

/**
 * Answers with the operation that makes a tenant, though it may have ended already, or with the tenant where somebody
 * waits for it.
 */
export async function replyWithNewTenant(
  deps: ShowDependencies & { operations: Pick<Operations, "show" | "waitForEnd"> },
  request: Parameters<typeof replyWithOperation>[0],
  reply: Parameters<typeof replyWithOperation>[1],
  made: { tenantId: string; operationId: string },
) {
  const { operations } = deps;
  const operation = await operations.show(showId("op", made.operationId));
  if (preferredWaitSeconds(request) === undefined) return acceptOperation(reply, operation);
  return replyWithOperation(request, reply, {
    operation,
    waitForEnd: operations.waitForEnd,
    succeeded: async () => ({
      status: 201,
      body: await showOne(deps, reply, made.tenantId),
      location: `/v1/tenants/${showId("tnt", made.tenantId)}`,
    }),
  });
}

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

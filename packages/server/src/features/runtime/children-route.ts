import { childReply } from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import {
  type Api,
  decodeCursor,
  pageOf,
  pageQuery,
  requestingAppId,
  toPage,
} from "../../infra/http/index.ts";
import { selectHosts } from "../routing/index.ts";
import { ancestorsOf, inherit } from "../tenants/index.ts";
import { findPlace } from "./auth.ts";
import { type ChildRow, selectVisibleChildren } from "./runtime.sql.ts";

type Deps = { db: Db; publicUrl: (hostname: string) => string };

/** What a tenant's application may show its admins of the tenants right below it [REG-6]. */
export function runtimeChildrenRoute(api: Api, deps: Deps): void {
  api.get(
    "/v1/runtime/environments/:environment/children",
    {
      config: { permission: "runtime:read", quiet: true },
      schema: {
        operationId: "runtimeListChildren",
        summary: "List the tenants below this one that let it see them",
        description: "By slug. Of the others nothing is told, nor of those further below.",
        tags: ["runtime"],
        params: z.object({
          environment: z.string().max(60).describe("The id of an environment of the parent."),
        }),
        querystring: pageQuery,
        response: { 200: pageOf(childReply) },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const after = decodeCursor(cursor, z.tuple([z.string().regex(/^[a-z0-9-]{1,50}$/)]))?.[0];
      const { tenantId } = await findPlace(deps.db, requestingAppId(request), request.params.environment);
      const rows = await selectVisibleChildren(deps.db, tenantId, { limit, after });
      const show = await shower(deps, rows);
      return toPage(rows, limit, ({ slug }) => [slug], show);
    },
  );
}

async function shower({ db, publicUrl }: Deps, rows: readonly ChildRow[]) {
  const hosts = await selectHosts(
    db,
    rows.flatMap(({ environmentId }) => environmentId ?? []),
  );
  const above = await ancestorsOf(
    db,
    rows.map(({ id }) => id),
  );
  return (row: ChildRow) => {
    const { id, slug, name, status, environmentId } = row;
    const host = hosts.find((one) => one.environmentId === environmentId);
    const plan = row.plan ?? inherit(row, above.get(id), "plan")?.value ?? null;
    return { slug, name, status, plan, url: host ? publicUrl(host.hostname) : null };
  };
}

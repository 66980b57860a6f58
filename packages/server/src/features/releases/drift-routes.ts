import { type DriftedDatabase, driftReply, operationReply, startDriftCheckRequest } from "@tenantry/contract";
import { z } from "zod";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import {
  type Api,
  decodeCursor,
  pageQuery,
  principalName,
  principalOf,
  type RouteGroup,
  replyWithOperation,
  toPage,
} from "../../infra/http/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import { countDrift, type DriftInput, type DriftRow, selectDrifted } from "../placements/index.ts";
import { scopeOf } from "./scope.ts";

export type DriftRouteDependencies = { db: Db; operations: Operations; drift: Workflow };

const tags = ["apps"];
const path = "/v1/apps/:app/schema-drift";
const params = z.object({ app: z.string().max(200).describe("Its id (app_…) or its slug.") });

/** `/v1/apps/{app}/schema-drift`: whose schema isn't what the migrations make [REL-5]. */
export function driftRoutes(deps: DriftRouteDependencies): RouteGroup {
  return (api) => {
    addList(api, deps);
    addStart(api, deps);
  };
}

function addList(api: Api, { db }: DriftRouteDependencies): void {
  api.get(
    path,
    {
      config: { permission: "apps:read" },
      schema: {
        operationId: "listDrift",
        summary: "List the databases of an application's tenants that differ from what its migrations make",
        description: "As they were looked at last: once a day, and when somebody asks.",
        tags,
        params,
        querystring: pageQuery.extend({
          tenant: z.string().max(200).optional().describe("Of one tenant: its slug or id."),
          group: z.string().max(63).optional().describe("Of the tenants of a group."),
        }),
        response: { 200: driftReply },
      },
    },
    async (request) => {
      const { cursor, limit, ...narrowed } = request.query;
      const { app, ...rest } = await scopeOf(db, request.params.app, narrowed);
      const scope = { appId: app.id, ...rest };
      const after = decodeCursor(cursor, z.tuple([z.uuid()]))?.[0];
      const [counts, rows] = await Promise.all([
        countDrift(db, scope),
        selectDrifted(db, scope, { limit, after }),
      ]);
      return { counts, ...toPage(rows, limit, (row) => [row.databaseId], show) };
    },
  );
}

function show({ databaseId, checkedAt, ...row }: DriftRow): DriftedDatabase {
  return { ...row, databaseId: showId("db", databaseId), checkedAt: checkedAt.toISOString() };
}

function addStart(api: Api, { db, operations, drift }: DriftRouteDependencies): void {
  api.post(
    path,
    {
      config: { permission: "apps:write" },
      schema: {
        operationId: "startDriftCheck",
        summary: "Compare the schemas of an application's databases with what its migrations make",
        description:
          "Reads catalogs alone, never rows. Databases that a release or a migration is at work on are left out.",
        tags,
        params,
        body: startDriftCheckRequest.default({}),
        response: { 200: operationReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const { app, ...rest } = await scopeOf(db, request.params.app, request.body);
      const input: DriftInput = { appId: app.id, ...rest };
      const requestedBy = principalName(principalOf(request));
      const id = await inTransaction(db, (tx) =>
        startOperation(tx, { workflow: drift, input, exclusive: false, requestedBy }),
      );
      return replyWithOperation(request, reply, {
        operation: await operations.show(showId("op", id)),
        waitForEnd: operations.waitForEnd,
      });
    },
  );
}

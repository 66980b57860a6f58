import { createHash } from "node:crypto";
import { operationReply, runScriptRequest, type ScriptRun, scriptRunListReply } from "@tenantry/contract";
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
import { newId, requireId, showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import {
  checkScript,
  insertScript,
  type ScriptInput,
  type ShownRun,
  selectRuns,
} from "../placements/index.ts";
import { scopeOf } from "./scope.ts";

export type ScriptRouteDependencies = { db: Db; operations: Operations; runScript: Workflow };

const tags = ["apps"];
const params = z.object({ app: z.string().max(200).describe("Its id (app_…) or its slug.") });
const bodyLimit = 20 * 1024 * 1024;

/** `/v1/apps/{app}/script-runs`: statements for single tenants, on record [REL-5]. */
export function scriptRoutes(deps: ScriptRouteDependencies): RouteGroup {
  return (api) => {
    addRun(api, deps);
    addList(api, deps);
  };
}

function addRun(api: Api, { db, operations, runScript }: ScriptRouteDependencies): void {
  api.post(
    "/v1/apps/:app/script-runs",
    {
      bodyLimit,
      config: { permission: "apps:write" },
      schema: {
        operationId: "runScript",
        summary: "Run a script on a tenant, on a group of them or on all",
        description:
          "On each environment in a transaction of its own, as somebody who reads and writes that environment's rows alone; once, unless you say again.",
        tags,
        params,
        body: runScriptRequest,
        response: { 200: operationReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const { name, sql, again, dryRun, environment, tenant, group } = request.body;
      const { app, ...rest } = await scopeOf(db, request.params.app, { tenant, group });
      checkScript({ name, sql });
      const requestedBy = principalName(principalOf(request));
      const checksum = createHash("sha256").update(sql).digest("hex");
      const id = await inTransaction(db, async (tx) => {
        const scriptId = await insertScript(tx, { id: newId(), appId: app.id, name, sql, checksum });
        const input: ScriptInput = {
          appId: app.id,
          ...rest,
          environment,
          scriptId,
          again,
          dryRun,
          requestedBy,
        };
        return startOperation(tx, {
          ...{ workflow: runScript, input, exclusive: false, requestedBy },
          ...(rest.tenantId === undefined ? {} : { tenantId: rest.tenantId }),
        });
      });
      return replyWithOperation(request, reply, {
        operation: await operations.show(showId("op", id)),
        waitForEnd: operations.waitForEnd,
      });
    },
  );
}

function addList(api: Api, { db }: ScriptRouteDependencies): void {
  api.get(
    "/v1/apps/:app/script-runs",
    {
      config: { permission: "apps:read" },
      schema: {
        operationId: "listScriptRuns",
        summary: "List the runs of scripts on an application's tenants, newest first",
        tags,
        params,
        querystring: pageQuery.extend({
          tenant: z.string().max(200).optional().describe("On one tenant: its slug or id."),
          group: z.string().max(63).optional().describe("On the tenants of a group."),
          operation: z.string().max(60).optional().describe("By one operation: op_…"),
        }),
        response: { 200: scriptRunListReply },
      },
    },
    async (request) => {
      const { cursor, limit, operation, ...narrowed } = request.query;
      const { app, ...rest } = await scopeOf(db, request.params.app, narrowed);
      const at = decodeCursor(cursor, z.tuple([z.uuid(), z.uuid()]));
      const operationId = operation === undefined ? undefined : requireId("op", operation, "?operation");
      const rows = await selectRuns(
        db,
        { appId: app.id, ...rest, operationId },
        { limit, after: at && { operationId: at[0], environmentId: at[1] } },
      );
      return toPage(rows, limit, (row) => [row.operationId, row.environmentId], show);
    },
  );
}

function show({ slug, error, startedAt, endedAt, ...run }: ShownRun): ScriptRun {
  return {
    ...run,
    operationId: showId("op", run.operationId),
    tenantId: showId("tnt", run.tenantId),
    tenantSlug: slug,
    environmentId: showId("env", run.environmentId),
    error: error && (error.detail ?? error.title),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}

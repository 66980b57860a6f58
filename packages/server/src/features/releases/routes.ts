import {
  appListReply,
  appReply,
  createAppReply,
  createAppRequest,
  createReleaseRequest,
  operationReply,
} from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  decodeCursor,
  encodeCursor,
  pageQuery,
  principalName,
  principalOf,
  type RouteGroup,
  replyWithOperation,
} from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import { selectApps } from "./apps.sql.ts";
import { findApp, showApps } from "./apps.ts";
import { createApp, createRelease, type ReleaseDependencies } from "./release.ts";

export type AppRouteDependencies = ReleaseDependencies & { operations: Operations };

const tags = ["apps"];
const appParams = z.object({ app: z.string().max(200).describe("Its id (app_…) or its slug.") });
/** Migrations come as text. */
const bodyLimit = 20 * 1024 * 1024;

/** `/v1/apps`: create, list, show, release. */
export function appRoutes(deps: AppRouteDependencies): RouteGroup {
  return (api) => {
    addReads(api, deps);
    addWrites(api, deps);
  };
}

function addReads(api: Api, { db }: AppRouteDependencies): void {
  api.get(
    "/v1/apps",
    {
      config: { permission: "apps:read" },
      schema: {
        operationId: "listApps",
        summary: "List applications, newest first",
        tags,
        querystring: pageQuery,
        response: { 200: appListReply },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const rows = await selectApps(db, { limit, after: decodeCursor(cursor, z.tuple([z.uuid()]))?.[0] });
      const shown = rows.slice(0, limit);
      const nextCursor = rows.length > limit ? encodeCursor([shown.at(-1)!.id]) : null;
      return { items: await showApps(db, shown), nextCursor };
    },
  );
  api.get(
    "/v1/apps/:app",
    {
      config: { permission: "apps:read" },
      schema: {
        operationId: "showApp",
        summary: "Show an application",
        tags,
        params: appParams,
        response: { 200: appReply },
      },
    },
    async (request) => (await showApps(db, [await findApp(db, request.params.app)]))[0]!,
  );
}

function addWrites(api: Api, deps: AppRouteDependencies): void {
  api.post(
    "/v1/apps",
    {
      bodyLimit,
      config: { permission: "apps:write" },
      schema: {
        operationId: "createApp",
        summary: "Create an application",
        description:
          "Its key is in the answer, and never shown again. Tenants can run it once the operation succeeded.",
        tags,
        body: createAppRequest,
        response: { 201: createAppReply },
      },
    },
    async (request, reply) => {
      const made = await createApp(deps, request.body, principalName(principalOf(request)));
      const operationId = showId("op", made.operationId);
      const [app] = await showApps(deps.db, [await findApp(deps.db, showId("app", made.appId))]);
      reply.code(201).header("location", `/v1/operations/${operationId}`);
      return { ...app!, appKey: made.appKey, operationId };
    },
  );
  api.post(
    "/v1/apps/:app/releases",
    {
      bodyLimit,
      config: { permission: "apps:write" },
      schema: {
        operationId: "createRelease",
        summary: "Release a new version of an application",
        tags,
        params: appParams,
        body: createReleaseRequest,
        response: { 200: operationReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const requestedBy = principalName(principalOf(request));
      const operationId = await createRelease(deps, request.params.app, request.body, requestedBy);
      return replyWithOperation(request, reply, {
        operation: await deps.operations.show(showId("op", operationId)),
        waitForEnd: deps.operations.waitForEnd,
      });
    },
  );
}

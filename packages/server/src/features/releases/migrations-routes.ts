import {
  migrationListReply,
  migrationPlanReply,
  migrationStates,
  operationReply,
  planMigrationRequest,
  startMigrationRequest,
} from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  decodeCursor,
  encodeCursor,
  goneSignal,
  pageQuery,
  preferredWaitSeconds,
  principalName,
  principalOf,
  type RouteGroup,
  replyWithOperation,
} from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import { listMigrations, type MigrationDependencies, startMigration } from "./migrations.ts";
import { type PlanDependencies, planMigration } from "./plan-migration.ts";

export type MigrationRouteDependencies = MigrationDependencies &
  PlanDependencies & { operations: Operations };

const tags = ["apps"];
const params = z.object({ app: z.string().max(200).describe("Its id (app_…) or its slug.") });
/** Migrations come as text. */
const bodyLimit = 20 * 1024 * 1024;

/** `/v1/apps/{app}/migrations`: how far each tenant's database is, and bringing on those that are behind [REL-5]. */
export function migrationRoutes(deps: MigrationRouteDependencies): RouteGroup {
  return (api) => {
    addList(api, deps);
    addStart(api, deps);
    addPlan(api, deps);
  };
}

function addList(api: Api, { db }: MigrationRouteDependencies): void {
  api.get(
    "/v1/apps/:app/migrations",
    {
      config: { permission: "apps:read" },
      schema: {
        operationId: "listMigrations",
        summary: "List how far the databases of an application's tenants are",
        description: "With the last failure of each that couldn't be migrated.",
        tags,
        params,
        querystring: pageQuery.extend({
          state: z
            .enum(migrationStates)
            .optional()
            .describe("Those that are `current` or `behind`, or whose last attempt `failed`."),
          tenant: z.string().max(200).optional().describe("Of one tenant: its slug or id."),
          group: z.string().max(63).optional().describe("Of the tenants of a group."),
        }),
        response: { 200: migrationListReply },
      },
    },
    async (request) => {
      const { cursor, ...query } = request.query;
      const after = decodeCursor(cursor, z.tuple([z.uuid()]))?.[0];
      const { nextAfter, ...page } = await listMigrations(db, request.params.app, { ...query, after });
      return { ...page, nextCursor: nextAfter === undefined ? null : encodeCursor([nextAfter]) };
    },
  );
}

function addStart(api: Api, deps: MigrationRouteDependencies): void {
  api.post(
    "/v1/apps/:app/migrations",
    {
      config: { permission: "apps:write" },
      schema: {
        operationId: "startMigration",
        summary: "Migrate the databases of tenants that are behind the application's current release",
        description: "Those that failed are tried again. One that fails keeps nobody else from it.",
        tags,
        params,
        body: startMigrationRequest.default({}),
        response: { 200: operationReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const requestedBy = principalName(principalOf(request));
      const id = await startMigration(deps, request.params.app, request.body, requestedBy);
      return replyWithOperation(request, reply, {
        operation: await deps.operations.show(showId("op", id)),
        waitForEnd: deps.operations.waitForEnd,
      });
    },
  );
}

function addPlan(api: Api, deps: MigrationRouteDependencies): void {
  api.post(
    "/v1/apps/:app/migrations/plan",
    {
      bodyLimit,
      config: { permission: "apps:write" },
      schema: {
        operationId: "planMigration",
        summary: "Say whose databases would be migrated with what, without touching them",
        description:
          "With `migrations`, as if they came with a release. They are tried on databases that are removed again: an empty one, and one with a copy of the rows of `tenant`, when one is named. What takes longer than 55 s, or than `Prefer: wait` says, is answered by the operation that tries them (202), the check or the rehearsal: follow it, and ask again with its id as `rehearsal`.",
        tags,
        params,
        body: planMigrationRequest.default({}),
        response: { 200: migrationPlanReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const waitSeconds = preferredWaitSeconds(request);
      if (waitSeconds !== undefined) reply.header("preference-applied", `wait=${waitSeconds}`);
      const planned = await planMigration(deps, request.params.app, request.body, {
        requestedBy: principalName(principalOf(request)),
        signal: goneSignal(reply),
        waitMs: (waitSeconds ?? 60) * 1_000,
      });
      if ("plan" in planned) return planned.plan;
      const { rehearsing } = planned;
      return reply.code(202).header("location", `/v1/operations/${rehearsing.id}`).send(rehearsing);
    },
  );
}

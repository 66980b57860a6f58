import { operationListReply, operationReply, operationStatuses } from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  decodeCursor,
  pageQuery,
  type RouteGroup,
  type ServerEvent,
  sendEvents,
  toPage,
} from "../../infra/http/index.ts";
import { requireId } from "../../kernel/index.ts";
import { viewOperation } from "./operation-view.ts";
import type { Operations } from "./operations.ts";

const params = z.object({ operation: z.string().max(60).describe("The operation's id, op_….") });
const tags = ["operations"];
const read = { permission: "operations:read" } as const;
const write = { permission: "operations:write" } as const;

/** Durable work: see it, follow it, turn it back, send it forward again. `/v1/operations`. */
export function operationRoutes({ operations }: { operations: Operations }): RouteGroup {
  return (api) => {
    list(api, operations);
    show(api, operations);
    control(api, operations);
    events(api, operations);
  };
}

const listQuery = pageQuery.extend({
  status: z
    .string()
    .max(200)
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(operationStatuses)).min(1))
    .optional()
    .describe("Only these states, joined by commas."),
  tenantId: z.string().max(60).optional().describe("Only this tenant's, by its id tnt_…."),
  kind: z.string().max(100).optional().describe("Only this kind, such as tenant.provision."),
  internal: z
    .enum(["true", "false"])
    .default("false")
    .describe("Those as well that the platform made for itself."),
});

function list(api: Api, operations: Operations): void {
  api.get(
    "/v1/operations",
    {
      config: read,
      schema: {
        operationId: "listOperations",
        summary: "List operations, the newest first",
        tags,
        querystring: listQuery,
        response: { 200: operationListReply },
      },
    },
    async (request) => {
      const { limit, cursor, status, kind } = request.query;
      const tenantId = request.query.tenantId && requireId("tnt", request.query.tenantId, "?tenantId");
      const after = decodeCursor(cursor, z.tuple([z.uuid()]))?.[0];
      const internal = request.query.internal === "true";
      const rows = await operations.list({ status, kind, tenantId, internal }, { limit: limit + 1, after });
      return toPage(rows, limit, (row) => [row.id], viewOperation);
    },
  );
}

function show(api: Api, operations: Operations): void {
  api.get(
    "/v1/operations/:operation",
    {
      config: read,
      schema: {
        operationId: "showOperation",
        summary: "Show an operation with its steps",
        tags,
        params,
        response: { 200: operationReply },
      },
    },
    (request) => operations.show(request.params.operation),
  );
}

function control(api: Api, operations: Operations): void {
  api.post(
    "/v1/operations/:operation/cancel",
    {
      config: write,
      schema: {
        operationId: "cancelOperation",
        summary: "Turn an operation back",
        description:
          "Breaks off the step at hand and undoes what was done. Answers at once; repeatable; follow it to its end.",
        tags,
        params,
        response: { 202: operationReply },
      },
    },
    async (request, reply) => reply.code(202).send(await operations.cancel(request.params.operation)),
  );
  api.post(
    "/v1/operations/:operation/retry",
    {
      config: write,
      schema: {
        operationId: "retryOperation",
        summary: "Let an operation go on that failed or got stuck",
        description:
          "One that failed begins anew. One that needs an operator goes on from its first step that isn't done, or, if it got stuck while it was undone, with that.",
        tags,
        params,
        response: { 202: operationReply },
      },
    },
    async (request, reply) => reply.code(202).send(await operations.retry(request.params.operation)),
  );
}

function events(api: Api, operations: Operations): void {
  api.get(
    "/v1/operations/:operation/events",
    {
      config: read,
      schema: {
        operationId: "followOperation",
        summary: "Follow an operation",
        description:
          "Server-sent events named `operation`, each the whole operation as JSON: at once, and after every visible change. The stream ends with the operation.",
        tags,
        params,
        produces: ["text/event-stream"],
      },
    },
    async (request, reply) => {
      const id = request.params.operation;
      await operations.show(id);
      return sendEvents(request, reply, ({ signal }) => asEvents(operations.follow(id, signal)));
    },
  );
}

async function* asEvents(states: AsyncIterable<unknown>): AsyncGenerator<ServerEvent> {
  for await (const data of states) yield { event: "operation", data };
}

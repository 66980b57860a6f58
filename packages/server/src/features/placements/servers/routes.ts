import { createServerRequest, serverReply, updateServerRequest } from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../../infra/db/index.ts";
import {
  type Api,
  decodeCursor,
  pageOf,
  pageQuery,
  type RouteGroup,
  toPage,
} from "../../../infra/http/index.ts";
import type { Secrets } from "../../../infra/secrets/index.ts";
import type { Placements } from "../placements.ts";
import { addServer } from "./add-server.ts";
import { removeServer } from "./remove-server.ts";
import { selectServers } from "./servers.sql.ts";
import { findServer } from "./servers.ts";
import { showServers } from "./show-servers.ts";

const params = z.strictObject({ server: z.string().max(100) });

/** `/v1/servers`: the database servers that tenants' databases are placed on [ISO-3]. */
export function serverRoutes(parts: ServerParts): RouteGroup {
  return (api) => {
    addReading(api, parts);
    addWriting(api, parts);
    addRemoval(api, parts);
  };
}

type ServerParts = { db: Db; secrets: Secrets; placements: Pick<Placements, "changeServer"> };

function addReading(api: Api, { db, secrets }: ServerParts): void {
  api.get(
    "/v1/servers",
    {
      config: { permission: "servers:read" },
      schema: {
        operationId: "listServers",
        summary: "List the database servers",
        tags: ["servers"],
        querystring: pageQuery,
        response: { 200: pageOf(serverReply) },
      },
    },
    async ({ query }) => {
      const after = decodeCursor(query.cursor, z.tuple([z.uuid()]))?.[0];
      const rows = await selectServers(db, { limit: query.limit + 1, after });
      const shown = await showServers(db, secrets, rows);
      const page = toPage(
        rows,
        query.limit,
        (row) => [row.id],
        (row) => shown[rows.indexOf(row)]!,
      );
      return page;
    },
  );

  api.get(
    "/v1/servers/:server",
    {
      config: { permission: "servers:read" },
      schema: {
        operationId: "showServer",
        summary: "Show a database server",
        tags: ["servers"],
        params,
        response: { 200: serverReply },
      },
    },
    async (request) => {
      const [shown] = await showServers(db, secrets, [await findServer(db, request.params.server)]);
      return shown!;
    },
  );
}

function addWriting(api: Api, { db, secrets, placements }: ServerParts): void {
  api.post(
    "/v1/servers",
    {
      config: { permission: "servers:write" },
      schema: {
        operationId: "createServer",
        summary: "Register a database server, after a look at it",
        tags: ["servers"],
        body: createServerRequest,
        response: { 201: serverReply },
      },
    },
    async (request, reply) => {
      const server = await addServer(db, secrets, request.body);
      return reply.code(201).header("location", `/v1/servers/${server.id}`).send(server);
    },
  );

  api.patch(
    "/v1/servers/:server",
    {
      config: { permission: "servers:write" },
      schema: {
        operationId: "updateServer",
        summary: "Change a database server, after a look at it when its URL changes",
        tags: ["servers"],
        params,
        body: updateServerRequest,
        response: { 200: serverReply },
      },
    },
    async ({ params: { server }, body }) => placements.changeServer(db, server, body),
  );
}

function addRemoval(api: Api, { db }: ServerParts): void {
  api.delete(
    "/v1/servers/:server",
    {
      config: { permission: "servers:write" },
      schema: {
        operationId: "deleteServer",
        summary: "Take out a database server that no environment lives on",
        tags: ["servers"],
        params,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await removeServer(db, request.params.server);
      return reply.code(204).send(null);
    },
  );
}

import { createStorageServerRequest, storageServerReply } from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import {
  type Api,
  decodeCursor,
  pageOf,
  pageQuery,
  type RouteGroup,
  toPage,
} from "../../infra/http/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { selectStorageServers } from "./servers.sql.ts";
import { addStorageServer, findStorageServer, removeStorageServer, showStorageServer } from "./servers.ts";

const params = z.strictObject({ server: z.string().max(100) });

const tags = ["servers"];

type StorageParts = { db: Db; secrets: Secrets; installationId: string };

/** `/v1/storage-servers`: the S3 servers that tenants' files stand on [ISO-7]. */
export function storageRoutes(parts: StorageParts): RouteGroup {
  return (api) => {
    addReading(api, parts);
    addWriting(api, parts);
  };
}

function addReading(api: Api, { db }: StorageParts): void {
  api.get(
    "/v1/storage-servers",
    {
      config: { permission: "servers:read" },
      schema: {
        operationId: "listStorageServers",
        summary: "List the S3 servers that files stand on",
        tags,
        querystring: pageQuery,
        response: { 200: pageOf(storageServerReply) },
      },
    },
    async ({ query }) => {
      const after = decodeCursor(query.cursor, z.tuple([z.uuid()]))?.[0];
      const rows = await selectStorageServers(db, { limit: query.limit + 1, after });
      return toPage(rows, query.limit, (row) => [row.id], showStorageServer);
    },
  );

  api.get(
    "/v1/storage-servers/:server",
    {
      config: { permission: "servers:read" },
      schema: {
        operationId: "showStorageServer",
        summary: "Show an S3 server",
        tags,
        params,
        response: { 200: storageServerReply },
      },
    },
    async (request) => showStorageServer(await findStorageServer(db, request.params.server)),
  );
}

function addWriting(api: Api, parts: StorageParts): void {
  api.post(
    "/v1/storage-servers",
    {
      config: { permission: "servers:write" },
      schema: {
        operationId: "createStorageServer",
        summary: "Register an S3 server, after trying it out",
        tags,
        body: createStorageServerRequest,
        response: { 201: storageServerReply },
      },
    },
    async (request, reply) => {
      const server = await addStorageServer(parts, request.body);
      return reply.code(201).header("location", `/v1/storage-servers/${server.id}`).send(server);
    },
  );

  api.delete(
    "/v1/storage-servers/:server",
    {
      config: { permission: "servers:write" },
      schema: {
        operationId: "deleteStorageServer",
        summary: "Take out an S3 server that no files stand on",
        tags,
        params,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await removeStorageServer(parts, request.params.server);
      return reply.code(204).send(null);
    },
  );
}

import { createKeyRequest, keyReply, newKeyReply } from "@tenantry/contract";
import { z } from "zod";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { decodeCursor, pageOf, pageQuery, type RouteGroup, toPage } from "../../infra/http/index.ts";
import { atField, parseId, showId } from "../../kernel/index.ts";
import { type ApiKeyRow, selectApiKeys } from "./api-keys.sql.ts";
import { createApiKey, endApiKey } from "./api-keys.ts";

export type KeyRouteDependencies = {
  db: Db;
  /** The UUID of the application with that id or slug; throws `app_not_found`. */
  findAppId: (tx: Tx, idOrSlug: string) => Promise<string>;
};

const tags = ["keys"];

/** `/v1/keys`: make, list and end API keys. */
export function keyRoutes({ db, findAppId }: KeyRouteDependencies): RouteGroup {
  return (api) => {
    api.get(
      "/v1/keys",
      {
        config: { permission: "keys:read" },
        schema: {
          operationId: "listKeys",
          summary: "List the API keys that are good, newest first",
          tags,
          querystring: pageQuery,
          response: { 200: pageOf(keyReply) },
        },
      },
      async ({ query }) => {
        const before = decodeCursor(query.cursor, z.tuple([z.uuid()]))?.[0];
        const rows = await selectApiKeys(db, { limit: query.limit + 1, before });
        return toPage(rows, query.limit, ({ id }) => [id], shown);
      },
    );
    api.post(
      "/v1/keys",
      {
        config: { permission: "keys:write" },
        schema: {
          operationId: "createKey",
          summary: "Make an API key",
          description: "The key is in this answer and nowhere else.",
          tags,
          body: createKeyRequest,
          response: { 201: newKeyReply },
        },
      },
      async ({ body }, reply) => {
        const { key, ...row } = await inTransaction(db, async (tx) =>
          createApiKey(
            tx,
            body.kind === "operator"
              ? { kind: "operator", name: body.name }
              : { kind: "app", name: body.name, appId: await atField("/app", findAppId(tx, body.app)) },
          ),
        );
        return reply.code(201).send({ ...shown(row), key });
      },
    );
    api.delete(
      "/v1/keys/:key",
      {
        config: { permission: "keys:write" },
        schema: {
          operationId: "endKey",
          summary: "End an API key",
          description:
            "It stops working within five seconds; event streams that follow by it end. The last operator's key can't be ended.",
          tags,
          params: z.object({ key: z.string().max(100).describe("The key's id, never the key itself.") }),
          response: { 204: z.null() },
        },
      },
      async ({ params }, reply) => {
        await inTransaction(db, (tx) => endApiKey(tx, parseId("key", params.key)));
        return reply.code(204).send(null);
      },
    );
  };
}

function shown(row: ApiKeyRow) {
  return {
    id: showId("key", row.id),
    kind: row.kind,
    name: row.name,
    hint: row.hint,
    appId: row.appId === null ? null : showId("app", row.appId),
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
  };
}

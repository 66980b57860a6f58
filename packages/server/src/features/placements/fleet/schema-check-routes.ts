import { createHash } from "node:crypto";
import { type SchemaCheckReply, schemaCheckReply, schemaCheckRequest } from "@tenantry/contract";
import type { Finding } from "../../../drivers/database/index.ts";
import type { Db } from "../../../infra/db/index.ts";
import {
  goneSignal,
  principalName,
  principalOf,
  type RouteGroup,
  replyWithOperation,
} from "../../../infra/http/index.ts";
import type { Workflow } from "../../../infra/workflow/index.ts";
import { failure, showId } from "../../../kernel/index.ts";
import type { Operations } from "../../operations/index.ts";
import { findingsOf, startSchemaCheck } from "./schema-check.ts";

/** Migrations come as text. */
const bodyLimit = 20 * 1024 * 1024;
const waitMs = 55_000;

/** `/v1/schema-checks`: what of an application's schema works at which database level [ISO-5]. */
export function schemaCheckRoutes(parts: {
  db: Db;
  operations: Pick<Operations, "waitForEnd">;
  workflow: Workflow;
}): RouteGroup {
  const { db, operations, workflow } = parts;
  return (api) => {
    api.post(
      "/v1/schema-checks",
      {
        bodyLimit,
        config: { permission: "apps:write" },
        schema: {
          operationId: "checkSchema",
          summary: "Check at which database levels an application's migrations work",
          description: "They are applied to an empty database, which is removed again. Waits for the answer.",
          tags: ["apps"],
          body: schemaCheckRequest,
          response: { 200: schemaCheckReply },
        },
      },
      async (request, reply) => {
        const migrations = request.body.migrations.map(({ name, sql }, index) => ({
          ...{ ordinal: index + 1, name, sql },
          checksum: createHash("sha256").update(sql).digest("hex"),
        }));
        const id = await startSchemaCheck(db, workflow, { migrations }, principalName(principalOf(request)));
        const operation = await operations.waitForEnd(showId("op", id), waitMs, goneSignal(reply));
        return (await replyWithOperation(request, reply, {
          operation,
          waitForEnd: (...given) => operations.waitForEnd(...given),
          succeeded: async () => ({ status: 200, body: report(await findingsOf(db, id)) }),
        }).then((body) => {
          if ("findings" in body) return body;
          throw failure("busy", {
            detail: "The check isn't done yet: the migrations take long.",
            extra: { operationId: operation.id },
            retryAfterSeconds: 30,
          });
        })) satisfies SchemaCheckReply;
      },
    );
  };
}

function report(findings: readonly Finding[]): SchemaCheckReply {
  const works = (level: string) =>
    !findings.some((finding) => finding.level === level && finding.severity === "refused");
  return {
    levels: (["database", "schema", "shared", "sqlite"] as const).map((level) => ({
      level,
      works: works(level),
    })),
    findings: findings.map(({ file = null, line = null, level, ...finding }) => ({
      ...finding,
      level: level as "schema" | "shared" | "sqlite",
      file,
      line,
    })),
  };
}

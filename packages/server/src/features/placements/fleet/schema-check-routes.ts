import {
  operationReply,
  type SchemaCheckReply,
  schemaCheckReply,
  schemaCheckRequest,
} from "@tenantry/contract";
import type { Finding } from "../../../drivers/database/index.ts";
import type { Db } from "../../../infra/db/index.ts";
import {
  goneSignal,
  preferredWaitSeconds,
  principalName,
  principalOf,
  type RouteGroup,
  replyWithOperation,
} from "../../../infra/http/index.ts";
import type { Workflow } from "../../../infra/workflow/index.ts";
import { invalidField, showId } from "../../../kernel/index.ts";
import type { Operations } from "../../operations/index.ts";
import { asMigrations } from "../as-migrations.ts";
import { findingsOf, findSchemaCheck, startSchemaCheck } from "./schema-check.ts";

/** Migrations come as text. */
const bodyLimit = 20 * 1024 * 1024;
const longestWaitMs = 55_000;

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
          description:
            "They are applied to an empty database, which is removed again. What takes longer than 55 s, or than `Prefer: wait` says, is answered by the operation that does it (202): follow it, and ask again with its id as `check`.",
          tags: ["apps"],
          body: schemaCheckRequest,
          response: { 200: schemaCheckReply, 202: operationReply },
        },
      },
      async (request, reply) => {
        const { check } = request.body;
        const migrations = asMigrations(request.body.migrations);
        const id =
          check === undefined
            ? await startSchemaCheck(db, workflow, { migrations }, principalName(principalOf(request)))
            : await findSchemaCheck(db, check, { migrations }, "/check");
        if (id === undefined) throw invalidField("/check", "There is no such check.");
        // Who asks for it wants the answer, and not to hear that it has begun.
        const waitMs = preferredWaitSeconds(request) === undefined ? longestWaitMs : 0;
        const operation = await operations.waitForEnd(showId("op", id), waitMs, goneSignal(reply));
        return replyWithOperation(request, reply, {
          operation,
          waitForEnd: (...given) => operations.waitForEnd(...given),
          succeeded: async () => ({ status: 200, body: report(await findingsOf(db, id)) }),
        });
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

import {
  isolationReportListReply,
  operationReply,
  signedIsolationReport,
  verifyIsolationRequest,
} from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
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
import type { Workflow } from "../../infra/workflow/index.ts";
import { requireId, showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import type { Settings } from "../settings/index.ts";
import { selectReports } from "./reports.sql.ts";
import { findReport, showSummary, startVerification } from "./verifications.ts";
import type { VerifyInput } from "./workflows.ts";

export type IsolationRouteDeps = {
  db: Db;
  settings: Settings;
  operations: Operations;
  verify: Workflow<VerifyInput>;
};

const tags = ["isolation"];

/** `/v1/isolation`: verifications, and what they found [ISO-12]. */
export function isolationRoutes(deps: IsolationRouteDeps): RouteGroup {
  return (api) => {
    begin(api, deps);
    read(api, deps);
  };
}

function begin(api: Api, deps: IsolationRouteDeps): void {
  api.post(
    "/v1/isolation/verifications",
    {
      config: { permission: "isolation:verify" },
      schema: {
        operationId: "verifyIsolation",
        summary: "Try every way from one tenant to another",
        description:
          "Between canaries, which are tenants of the platform's own, and from these into a sample of tenants, of which nothing is changed. When the operation has succeeded, its report is among `/v1/isolation/reports?operation=op_…`.",
        tags,
        body: verifyIsolationRequest,
        response: { 200: operationReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const id = await startVerification(deps, request.body, principalName(principalOf(request)));
      return replyWithOperation(request, reply, {
        operation: await deps.operations.show(showId("op", id)),
        waitForEnd: deps.operations.waitForEnd,
      });
    },
  );
}

function read(api: Api, { db }: IsolationRouteDeps): void {
  api.get(
    "/v1/isolation/reports",
    {
      config: { permission: "isolation:read" },
      schema: {
        operationId: "listIsolationReports",
        summary: "List reports of verifications, newest first",
        tags,
        querystring: pageQuery.extend({
          operation: z.string().max(60).optional().describe("Only that of one operation, op_…."),
        }),
        response: { 200: isolationReportListReply },
      },
    },
    async (request) => {
      const { limit, cursor, operation } = request.query;
      const after = decodeCursor(cursor, z.tuple([z.uuid()]))?.[0];
      const operationId = operation === undefined ? undefined : requireId("op", operation, "?operation");
      const rows = await selectReports(db, { limit, after, operationId });
      return toPage(rows, limit, ({ id }) => [id], showSummary);
    },
  );
  api.get(
    "/v1/isolation/reports/:report",
    {
      config: { permission: "isolation:read" },
      schema: {
        operationId: "showIsolationReport",
        summary: "Show a report with all attempts, signed by the installation",
        tags,
        params: z.object({ report: z.string().max(60).describe("The report's id, rpt_….") }),
        response: { 200: signedIsolationReport },
      },
    },
    async (request) => findReport(db, request.params.report),
  );
}

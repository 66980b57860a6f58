import type { IsolationReportSummary, SignedIsolationReport } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type Page, type PageOptions } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";
import type { Look } from "../../output/look.ts";
import { at, state, table } from "../../output/table.ts";
import { showReport } from "./show-report.ts";

export function reportsCommand(): Command {
  const command = defineCommand("reports", {
    summary: "list what verifications found, newest first",
    examples: ["isolation reports", "isolation reports --all --json"],
    calls: ["listIsolationReports"],
  });
  return overApi(addPageOptions(command)).action(async (options: PageOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const page = await fetchPages<IsolationReportSummary>(client, "/v1/isolation/reports", options);
    output.result(page, showReports);
    noteMore(output, page);
  });
}

export function reportCommand(): Command {
  const command = defineCommand("report", {
    summary: "show a report; with --json as it was signed, to be kept and checked elsewhere",
    examples: [
      "isolation report rpt_01m7xqs0swfkst01a9netyzt91",
      "isolation report rpt_01m7xqs0swfkst01a9netyzt91 --json > report.json",
    ],
    calls: ["showIsolationReport"],
  }).argument("<report>", "its id");
  return overApi(command).action(async (id: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const { body } = await client.call<SignedIsolationReport>("GET", path`/v1/isolation/reports/${id}`);
    output.result(body, showReport);
  });
}

function showReports({ items }: Page<IsolationReportSummary>, look: Look): string {
  if (items.length === 0) return "Nothing was verified yet: tenantry isolation verify";
  return table(
    look,
    ["report", "verdict", "attempts", "got through", "failed", "ended"],
    items.map(({ id, verdict, attempts, breaches, failed, endedAt }) => [
      id,
      state(verdict),
      attempts,
      breaches,
      failed,
      at(endedAt),
    ]),
  );
}

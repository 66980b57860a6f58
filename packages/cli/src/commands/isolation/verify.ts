import type { IsolationReportSummary, OperationReply, SignedIsolationReport } from "@tenantry/contract";
import { type Command, Option } from "commander";
import type { Page } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { databaseLevels } from "../../choices.ts";
import { type Context, contextOf, defineCommand, overApi, wholeNumber } from "../../command.ts";
import { followOperation } from "../../follow/follow.ts";
import { CliError } from "../../problem.ts";
import { showReport } from "./show-report.ts";

type VerifyOptions = { tenant?: string; level?: string; sample?: number };

export function verifyCommand(): Command {
  const command = defineCommand("verify", {
    summary: "try every way from one tenant to another; exit code 1 unless each was refused",
    details:
      "It is tried between canaries, which are tenants of the platform's own, and from these into a sample of tenants, " +
      "of which nothing is changed and nothing is shown. The report is signed and kept.",
    examples: [
      "isolation verify",
      "isolation verify --level shared --sample 100",
      "isolation verify --tenant acme --json",
    ],
    calls: ["verifyIsolation", "followOperation", "listIsolationReports", "showIsolationReport"],
  })
    .option("--tenant <tenant>", "look at this tenant, and no others")
    .addOption(
      new Option("--level <level>", "at this database level alone, also when nobody uses it").choices(
        databaseLevels,
      ),
    )
    .option("--sample <number>", "how many tenants to look at", wholeNumber(0, 10_000));
  return overApi(command).action(async (options: VerifyOptions, self: Command) => {
    const context = await contextOf(self);
    const { tenant, level, sample } = options;
    const { body } = await context.client.call<OperationReply>("POST", "/v1/isolation/verifications", {
      body: { tenant, level, sample },
    });
    await followOperation(context, body.id);
    const report = await reportOf(context, body.id);
    context.output.result(report, showReport);
    if (report.report.verdict !== "isolated") process.exitCode = 1;
  });
}

async function reportOf({ client }: Context, operation: string): Promise<SignedIsolationReport> {
  const { body } = await client.call<Page<IsolationReportSummary>>("GET", "/v1/isolation/reports", {
    query: { operation },
  });
  const [summary] = body.items;
  if (!summary) throw new CliError({ title: "The verification left no report.", operationId: operation });
  return (await client.call<SignedIsolationReport>("GET", path`/v1/isolation/reports/${summary.id}`)).body;
}

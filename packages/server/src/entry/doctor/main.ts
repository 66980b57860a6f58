import { readFile } from "node:fs/promises";
import path from "node:path";
import { styleText } from "node:util";
import { type Config, loadConfig } from "../../infra/config/index.ts";
import { parseFlags } from "../flags.ts";
import { requireNode } from "../node-version.ts";
import { embeddedDatabase } from "../registry.ts";
import { reportStartFailure } from "../terminal.ts";
import { type Finding, ok } from "./check.ts";
import { checkDatabase } from "./database.ts";
import { checkApplications, checkDataDir, checkNode, runningProcess } from "./machine.ts";
import { checkPorts } from "./ports.ts";
import { type Paint, reportLines } from "./report.ts";

requireNode();

/** `tenantry doctor [--json]`: exit code 1 when something is a problem. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const json = args.includes("--json");
  const config = await loadConfig({ flags: parseFlags(args.filter((arg) => arg !== "--json")) });
  const findings = [
    checkNode(),
    ...(await checkPorts(config)),
    ...(await checkDataDir(config)),
    await checkApplications(),
    ...(await checkRegistryServer(config)),
  ];
  process.stdout.write(
    json ? `${JSON.stringify(findings, null, 2)}\n` : `${reportLines(findings, paint).join("\n")}\n`,
  );
  if (findings.some((finding) => finding.status === "problem")) process.exitCode = 1;
}

/** The one that DATABASE_URL names, or the embedded one while it runs. */
async function checkRegistryServer(config: Config): Promise<Finding[]> {
  if (config.databaseUrl) return checkDatabase(config, config.databaseUrl);
  if ((await runningProcess(config.dataDir)) === undefined) {
    return [ok("postgres", "The embedded PostgreSQL isn't running: start Tenantry to have it looked at.")];
  }
  const file = path.join(config.dataDir, "operator.json");
  const { databaseUrl } = JSON.parse(await readFile(file, "utf8")) as { databaseUrl: string };
  return checkDatabase(config, embeddedDatabase(databaseUrl));
}

/** Unless NO_COLOR, the terminal or a pipe speak against it. */
const paint: Paint = (format, text) => styleText(format, text, { stream: process.stdout });

main().catch((error: unknown) => {
  reportStartFailure(error);
  process.exit(1);
});

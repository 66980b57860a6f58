import { chmod, mkdir } from "node:fs/promises";
import path from "node:path";
import { loadConfig } from "../infra/config/index.ts";
import { createLog, openLogFile } from "../infra/log/index.ts";
import { parseFlags } from "./flags.ts";
import { requireNode } from "./node-version.ts";
import { roles } from "./roles.ts";
import { startUntilSignal } from "./signals.ts";
import { startInstallation } from "./start.ts";
import { reportStartFailure, showRunning } from "./terminal.ts";

requireNode();

/** `tenantry up`: everything in one process tree. Ends with SIGINT or SIGTERM; a second one ends it at once. */
async function main(): Promise<void> {
  const config = await loadConfig({ flags: parseFlags(process.argv.slice(2)) });
  await mkdir(config.dataDir, { recursive: true });
  // As root, applications run as other users and must pass to the tenants' files; what else lies here is closed by itself.
  await chmod(config.dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
  const logFile = await openLogFile({
    file: path.join(config.dataDir, "logs", "tenantry.log"),
    onFailure: ({ message }) => process.stderr.write(`The log can't be written: ${message}\n`),
  });
  const log = createLog({ level: config.logLevel, destination: logFile });
  for (const warning of config.warnings) log.warn({ warning }, "config.warning");
  const all = { config, log, roles: new Set(roles), owner: true };
  showRunning(await startUntilSignal((signal) => startInstallation({ ...all, signal }), log));
}

main().catch((error: unknown) => {
  reportStartFailure(error);
  process.exit(1);
});

import { chmod, mkdir } from "node:fs/promises";
import path from "node:path";
import { loadConfig } from "../infra/config/index.ts";
import { createLog } from "../infra/log/index.ts";
import { startAllInOne } from "./all-in-one.ts";
import { parseFlags } from "./flags.ts";
import { requireNode } from "./node-version.ts";
import { reportStartFailure, showRunning } from "./terminal.ts";

requireNode();

/** `tenantry up`: everything in one process tree. Ends with SIGINT or SIGTERM; a second one ends it at once. */
async function main(): Promise<void> {
  const config = await loadConfig({ flags: parseFlags(process.argv.slice(2)) });
  await mkdir(config.dataDir, { recursive: true });
  // Applications run as other users and must pass to the tenants' files; what else lies here is closed by itself.
  await chmod(config.dataDir, 0o711);
  const log = createLog({
    level: config.logLevel,
    destination: path.join(config.dataDir, "logs", "tenantry.log"),
  });
  for (const warning of config.warnings) log.warn({ warning }, "config.warning");
  const running = await startAllInOne(config, log);
  showRunning(running);

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, "up.stopping");
    running.stop().then(
      () => process.exit(0),
      (error: Error) => {
        log.error({ err: error }, "up.stop-failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

main().catch((error: unknown) => {
  reportStartFailure(error);
  process.exit(1);
});

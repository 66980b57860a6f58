import { loadConfig } from "../infra/config/index.ts";
import { createLog } from "../infra/log/index.ts";
import { parseFlags } from "./flags.ts";
import { requireNode } from "./node-version.ts";
import { type Role, roles } from "./roles.ts";
import { startUntilSignal } from "./signals.ts";
import { startInstallation } from "./start.ts";
import { reportStartFailure } from "./terminal.ts";

requireNode();

/** Load balancers ask every few seconds whether a node is ready: until they know, it goes on. */
const drainDelayMs = 5_000;

/** `tenantry serve --role api,worker,gateway`: some roles over DATABASE_URL, any number of times. Logs to stderr. */
async function main(): Promise<void> {
  const { role, ...flags } = parseFlags(process.argv.slice(2), ["role"]);
  const config = await loadConfig({ flags });
  if (!config.databaseUrl)
    throw new Error("`serve` works over a PostgreSQL of yours: say which with DATABASE_URL.");
  const log = createLog({ level: config.logLevel });
  for (const warning of config.warnings) log.warn({ warning }, "config.warning");
  const some = { config, log, roles: readRoles(role), owner: false, drainDelayMs };
  const running = await startUntilSignal((signal) => startInstallation({ ...some, signal }), log);
  log.info(
    {
      roles: role,
      gatewayUrl: running.gatewayUrl,
      gatewayTlsUrl: running.gatewayTlsUrl,
      tookMs: running.tookMs,
    },
    "node.running",
  );
}

function readRoles(text: string | undefined): ReadonlySet<Role> {
  const wanted = (text ?? "").split(",").map((role) => role.trim());
  const unknown = wanted.find((role) => !(roles as readonly string[]).includes(role));
  if (unknown === undefined) return new Set(wanted as Role[]);
  throw new Error(
    `--role takes ${roles.join(", ")}, joined by commas${unknown ? `: not "${unknown}"` : ""}.`,
  );
}

main().catch((error: unknown) => {
  reportStartFailure(error);
  process.exit(1);
});

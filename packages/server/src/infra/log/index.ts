import { type Logger, pino } from "pino";
import type { LogFile } from "./log-file.ts";

export { type LogFile, openLogFile } from "./log-file.ts";

/** Logs an event name plus fields: `log.info({ tenantId, tookMs }, "tenant.provisioned")`. Never secrets or bodies. */
export type Log = Logger;

const redacted = [
  "password",
  "token",
  "secret",
  "apiKey",
  "authorization",
  "cookie",
  "*.password",
  "*.token",
  "*.secret",
];

/** A JSON logger to standard error (so that standard output stays for people), or to a file. */
export function createLog(options: { level?: string; name?: string; destination?: LogFile } = {}): Log {
  return pino(
    {
      level: options.level ?? "info",
      name: options.name,
      base: undefined,
      redact: { paths: redacted, censor: "[redacted]" },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A logger that says nothing, for tests. */
export const silentLog: Log = pino({ level: "silent" });

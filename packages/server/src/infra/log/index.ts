import { type Logger, pino } from "pino";

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

/** A JSON logger to standard error (so that standard output stays for people), or to `destination`. */
export function createLog(
  options: { level?: string; name?: string; destination?: string | number } = {},
): Log {
  return pino(
    {
      level: options.level ?? "info",
      name: options.name,
      base: undefined,
      redact: { paths: redacted, censor: "[redacted]" },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ dest: options.destination ?? 2, sync: true, mkdir: true }),
  );
}

/** A logger that says nothing, for tests. */
export const silentLog: Log = pino({ level: "silent" });

import type { Log } from "@tenantry/sdk";

export type SiteLog = Log & { error(fields: object, event: string): void };

/** One line of JSON per event, for whoever keeps this process's output. */
export function createLog(output: Pick<NodeJS.WritableStream, "write">): SiteLog {
  const line =
    (level: string) =>
    (fields: object, event: string): void => {
      output.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
    };
  return { info: line("info"), warn: line("warn"), error: line("error") };
}

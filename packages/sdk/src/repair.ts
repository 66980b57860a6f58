import type { Log } from "./config.ts";
import type { RuntimeApi } from "./runtime/api.ts";

/** Has an environment's database or cache let us in again; false when that came to nothing. */
export type Repair = (environmentId: string) => Promise<boolean>;

export type Repairs = { database: Repair; cache: Repair; globalCache: () => Promise<boolean> };

export function createRepairs(api: Pick<RuntimeApi, "repairDatabase" | "repairCache">, log: Log): Repairs {
  const globalCache = createRepair(() => api.repairCache(undefined), log, "cache");
  return {
    database: createRepair(api.repairDatabase, log),
    cache: createRepair(api.repairCache, log, "cache"),
    globalCache: () => globalCache("global"),
  };
}

/** What was asked a moment ago isn't asked again: many requests find the same door closed. */
const restMs = 2_000;

/** Many at once ask once, and so do those who come right after them. */
export function createRepair(
  ask: (environmentId: string) => Promise<void>,
  log: Log,
  what: "database" | "cache" = "database",
): Repair {
  const asked = new Map<string, Promise<boolean>>();

  async function askOnce(environmentId: string): Promise<boolean> {
    try {
      await ask(environmentId);
      log.info({ environmentId }, `${what}.login_checked`);
      return true;
    } catch (error) {
      log.warn({ environmentId, error: String(error) }, `${what}.login_refused`);
      return false;
    }
  }

  return (environmentId) => {
    const known = asked.get(environmentId);
    if (known !== undefined) return known;
    const answer = askOnce(environmentId);
    asked.set(environmentId, answer);
    void answer.then(() => setTimeout(() => asked.delete(environmentId), restMs).unref());
    return answer;
  };
}

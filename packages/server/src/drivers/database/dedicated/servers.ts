import type { PostgresFleet } from "../../../infra/postgres-process/index.ts";
import { encodeUuid } from "../../../kernel/index.ts";
import { checkServer } from "../common/check-server.ts";
import { protectDatabases } from "../common/protect.ts";
import { serverUnreachable } from "../common/session.ts";
import type { DriverContext } from "../driver.ts";

/** A server that runs. `url` is its superuser's: a secret. */
export type ProvidedServer = { url: string; versionNumber: number; maxConnections: number };

/** One way to make database servers of which each is for one environment. */
export type ServerDriver = {
  /** What the server's directory is called. */
  nameFor(serverId: string): string;
  /**
   * Makes and starts a server on which nobody but its superuser may connect anywhere. Declares it first. Repeatable: one
   * that stands is started, and one that runs is answered.
   */
  provide(context: DriverContext, serverId: string): Promise<ProvidedServer>;
  /**
   * Starts one again that was provided, after the node had stopped; it may have another port. Makes none: one whose
   * files are gone can't be started. Repeatable.
   */
  start(serverId: string): Promise<{ url: string }>;
  /** Ends a server and removes its files with all that is in it. What isn't there counts as removed. */
  remove(context: DriverContext, serverId: string): Promise<void>;
  /** Every server that stands, running or not. */
  list(): Promise<string[]>;
};

const nameFor = (serverId: string): string => `pg_${encodeUuid(serverId)}`;

const resourceOf = (serverId: string) => ({
  kind: "server",
  driver: "embedded",
  serverId,
  physicalName: nameFor(serverId),
});

/** Servers that this process starts beside the embedded one, and looks after. */
export function createEmbeddedServers(fleet: PostgresFleet): ServerDriver {
  return {
    nameFor,
    async provide(context, serverId) {
      const resource = resourceOf(serverId);
      await context.declareResource(resource);
      await context.assertLease();
      const { url } = await fleet.start(nameFor(serverId), { make: true, signal: context.signal });
      const check = await checkServer(url);
      if (!check.usable) throw serverUnreachable(new Error(check.missing.join(" ")));
      await protectDatabases({ url }, "all");
      await context.resourcePresent(resource);
      return { url, versionNumber: check.versionNumber, maxConnections: check.maxConnections };
    },
    start: (serverId) => fleet.start(nameFor(serverId)),
    async remove(context, serverId) {
      await context.assertLease();
      await fleet.remove(nameFor(serverId));
      await context.resourceRemoved(resourceOf(serverId));
    },
    list: () => fleet.list(),
  };
}

import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { silentLog } from "../infra/log/index.ts";
import { createPostgresFleet, type PostgresFleet } from "../infra/postgres-process/index.ts";
import { directoryOfTestServers } from "./cluster-template.ts";
import { postmasterPid } from "./embedded-postgres.ts";

export type TestFleet = PostgresFleet & {
  directory: string;
  /** The process of a server, or undefined. */
  pidOf(name: string): Promise<number | undefined>;
  /** Another one on the same files, as after a restart of the node. */
  again(): PostgresFleet;
  /** Ends all servers and removes their files. */
  close(): Promise<void>;
};

/** Servers of this test's own, where test servers are. Each costs half a second of initdb. */
export async function testFleet(): Promise<TestFleet> {
  const parent = await mkdtemp(path.join(await directoryOfTestServers(), "tenantry-fleet-"));
  const directory = path.join(parent, "servers");
  const open = () => createPostgresFleet({ directory, log: silentLog });
  const fleets = [open()];
  return {
    ...fleets[0]!,
    directory,
    pidOf: (name) => postmasterPid(path.join(directory, name)),
    again() {
      const fleet = open();
      fleets.push(fleet);
      return fleet;
    },
    async close() {
      for (const fleet of fleets) await fleet.stop();
      const last = open();
      for (const name of await last.list()) await last.remove(name);
      await rm(parent, { recursive: true, force: true });
    },
  };
}

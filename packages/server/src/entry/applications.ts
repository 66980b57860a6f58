import path from "node:path";
import {
  type Confinement,
  describeConfinement,
  endLeftovers,
  probeConfinement,
} from "../infra/app-process/index.ts";
import type { Config } from "../infra/config/index.ts";
import type { Log } from "../infra/log/index.ts";

export type ApplicationsPrepared = { confinement: Confinement; recordsDirectory: string; hides: string[] };

/** Ends what a killed node left of its applications, and finds out what this system lets us do to keep new ones together. */
export async function prepareApplications(
  { dataDir, masterKeyFile }: Pick<Config, "dataDir" | "masterKeyFile">,
  log: Log,
): Promise<ApplicationsPrepared> {
  const recordsDirectory = path.join(dataDir, "processes");
  const [confinement] = await Promise.all([probeConfinement(), endLeftovers(recordsDirectory, log)]);
  if (confinement.way === "marks") log.warn({ detail: describeConfinement(confinement) }, "apps.unconfined");
  return { confinement, recordsDirectory, hides: [dataDir, ...(masterKeyFile ? [masterKeyFile] : [])] };
}

import type { MigrationLimits } from "../driver.ts";
import type { InstallationRoles } from "./names.ts";
import type { Connect } from "./session.ts";

/** What every part of the driver works with. */
export type DriverParts = {
  connect: Connect;
  roles: InstallationRoles;
  limits: MigrationLimits;
  /** Backends that one environment may hold on the server; the last line behind the leased budgets. */
  connectionLimit: number;
};

import type { InstallationRoles } from "../common/names.ts";
import type { Connect } from "../common/session.ts";
import type { MigrationLimits } from "../driver.ts";

/** What every part of the driver works with. */
export type DriverParts = {
  connect: Connect;
  roles: InstallationRoles;
  limits: MigrationLimits;
  /** Backends that one environment may hold on the server; the last line behind the leased budgets. */
  connectionLimit: number;
};

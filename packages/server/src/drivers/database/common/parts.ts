import type { MigrationLimits } from "../driver.ts";
import { defaultMigrationLimits } from "./apply-migrations.ts";
import { type InstallationRoles, installationRoles } from "./names.ts";
import { type Connect, openClient } from "./session.ts";

export type DatabaseDriverOptions = {
  installationId: string;
  limits?: MigrationLimits;
  connectionLimit?: number;
  connect?: Connect;
};

/** What every part of a driver works with. */
export type DriverParts = {
  installationId: string;
  connect: Connect;
  roles: InstallationRoles;
  limits: MigrationLimits;
  /** Backends that one environment may hold on the server; the last line behind the leased budgets. */
  connectionLimit: number;
};

export function driverParts(options: DatabaseDriverOptions): DriverParts {
  return {
    installationId: options.installationId,
    connect: options.connect ?? openClient,
    roles: installationRoles(options.installationId),
    limits: options.limits ?? defaultMigrationLimits,
    connectionLimit: options.connectionLimit ?? 20,
  };
}

import { cacheProbes } from "../../../drivers/cache/index.ts";
import { databaseProbes } from "../../../drivers/database/index.ts";
import type { Probe } from "../../../drivers/probe.ts";
import { storageProbes } from "../../../drivers/storage/index.ts";
import { catalogProbes } from "./catalog.ts";
import { type GatewayGround, gatewayProbes } from "./gateway.ts";
import { jobProbes } from "./jobs.ts";
import { operatorRouteProbe } from "./operator-routes.ts";
import { registryProbes } from "./registry.ts";
import { type RuntimeGround, runtimeProbes } from "./runtime-routes.ts";

export { operatorRoutesOf } from "./operator-routes.ts";
export { unprobedOperations } from "./runtime-routes.ts";
export type { GatewayGround, RuntimeGround };

/** Every probe there is, by what it needs. */
export const probes = {
  registry: registryProbes,
  catalog: catalogProbes,
  database: databaseProbes,
  storage: storageProbes,
  cache: cacheProbes,
  operatorRoutes: [operatorRouteProbe],
  runtime: [...runtimeProbes, ...jobProbes],
  gateway: gatewayProbes,
} as const;

/** The published list. */
export function everyProbe(): Pick<Probe<never>, "id" | "path" | "title" | "remedy">[] {
  return Object.values(probes).flat();
}

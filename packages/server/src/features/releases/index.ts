export { type AppRunner, runApps } from "./app-runner.ts";
export type { AppRow } from "./apps.sql.ts";
export { selectOpenWork } from "./apps.sql.ts";
export { currentRelease, findApp, holdApp, isCurrentRelease } from "./apps.ts";
export { driftRoutes } from "./drift-routes.ts";

export { migrateWorkflow } from "./migrate-workflow.ts";
export { migrationRoutes } from "./migrations-routes.ts";
export { createApp, createRelease, type ReleaseDependencies } from "./release.ts";
export { releaseWorkflow } from "./release-workflow.ts";
export { appRoutes } from "./routes.ts";
export { scriptRoutes } from "./script-routes.ts";
export { refreshStaleUpstreams } from "./upstreams.ts";
export { sealPlainVariables } from "./variables.ts";

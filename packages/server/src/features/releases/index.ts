export { type AppRunner, type AppRunnerOptions, runApps } from "./app-runner.ts";
export type { AppRow } from "./apps.sql.ts";
export { currentRelease, findApp, holdApp, isCurrentRelease } from "./apps.ts";
export { createApp, createRelease, type ReleaseDependencies } from "./release.ts";
export { type ReleaseInput, releaseWorkflow } from "./release-workflow.ts";
export { type AppRouteDependencies, appRoutes } from "./routes.ts";
export { refreshStaleUpstreams } from "./upstreams.ts";
export { sealPlainVariables } from "./variables.ts";

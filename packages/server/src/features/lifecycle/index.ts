export { deleteWorkflow } from "./delete-workflow.ts";
export { provisionWorkflow } from "./provision-workflow.ts";
export { type LifecycleDependencies, tenantRoutes } from "./routes.ts";
export { tenantSettingsRoutes } from "./settings-routes.ts";
export type { PublicUrl } from "./tenant-view.ts";

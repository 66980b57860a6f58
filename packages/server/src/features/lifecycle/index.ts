export { cloneWorkflow } from "./clone-workflow.ts";
export { deleteTenant } from "./delete.ts";
export { type DeleteInput, deleteWorkflow } from "./delete-workflow.ts";
export { createProvisioning, type Provisioning } from "./from-template.ts";
export { createInternalTenant } from "./internal-tenant.ts";
export { requireAvailable } from "./isolation.ts";
export { type ProvisionInput, provisionWorkflow } from "./provision-workflow.ts";
export { tenantRoutes } from "./routes.ts";
export { tenantSettingsRoutes } from "./settings-routes.ts";

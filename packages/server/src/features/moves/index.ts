/** Carries tenants to other levels and servers [MOV-1, MOV-2], and those that outgrow theirs by rule [ISO-6]. */
export { type MoveInput, moveWorkflow } from "./move-workflow.ts";
export { requirePlace } from "./moves.ts";
export { type PromotionParts, promoteDue } from "./promotions.ts";
export { moveRoutes } from "./routes.ts";

/**
 * Carries what tenants have to other levels and servers [MOV-1, MOV-2, ISO-10], and those that outgrow their database's
 * level by rule [ISO-6].
 */
export type { Carrier, MoveInput } from "./carrier.ts";
export { createCarriers } from "./carriers.ts";
export { moveWorkflow } from "./move-workflow.ts";
export { type PromotionParts, promoteDue } from "./promotions.ts";
export { moveRoutes } from "./routes.ts";

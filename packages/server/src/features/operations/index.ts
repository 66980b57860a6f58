export { countOperations } from "./amiss.sql.ts";
export { observeOperations } from "./metrics.ts";
export { createOperations, type Operations } from "./operations.ts";
export { deleteEndedOperations } from "./retention.sql.ts";
export { operationRoutes } from "./routes.ts";
export { reportStuckOperations } from "./stuck.ts";

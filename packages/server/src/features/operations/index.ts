export { createOperations, type Operations } from "./operations.ts";
export { deleteEndedOperations } from "./retention.sql.ts";
export { operationRoutes } from "./routes.ts";

/** What happened, as others read it: pages of the outbox, and a stream of what comes next. */
export { createEvents, type Events } from "./events.ts";
export { eventRoutes } from "./routes.ts";

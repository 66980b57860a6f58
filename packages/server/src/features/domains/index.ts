/** How tenants' hosts prove who they are: for now by the installation's own authority. */

export { selectAutomaticTls } from "./domains.sql.ts";
export { showAutomaticTls } from "./domains.ts";
export { certificateRoutes } from "./routes.ts";

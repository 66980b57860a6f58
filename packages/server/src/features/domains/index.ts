/** How tenants' hosts prove who they are: for now by the installation's own authority. */
export { certificateRoutes } from "./routes.ts";

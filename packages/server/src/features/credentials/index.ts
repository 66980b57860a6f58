/** Database logins of environments for programs that don't use the SDK [APP-2]. */
export { type Credentials, createCredentials } from "./credentials.ts";
export { credentialRoutes } from "./routes.ts";

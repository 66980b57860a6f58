export { freePort } from "../infra/postgres-process/free-port.ts";

export { fresh } from "../../packages/server/src/testing/fresh.ts";

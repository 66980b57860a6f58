/** PostgreSQL servers that this process starts, adopts and ends. */
export { removeCluster } from "./discard.ts";
export { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from "./embedded.ts";
export { createPostgresFleet, type PostgresFleet } from "./fleet.ts";
export { keepEmbeddedPostgres } from "./kept.ts";

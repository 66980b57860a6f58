export { bearerKey } from "./access.ts";
export { type ApiOptions, createApi } from "./api.ts";
export { closeApi } from "./closing.ts";
export { etagOf, requireMatch } from "./conditional.ts";
export { type ServerEvent, sendEvents } from "./event-stream.ts";
export { deleteOldKeys } from "./idempotency.sql.ts";
export type { IdempotencyStore, StoredReply } from "./idempotency.ts";
export { createIdempotencyStore } from "./idempotency-store.ts";
export { openApiText } from "./openapi.ts";
export {
  acceptOperation,
  goneSignal,
  preferredWaitSeconds,
  replyWithOperation,
  type ShownOperation,
} from "./operation-reply.ts";
export { decodeCursor, encodeCursor, pageOf, pageQuery, toPage } from "./pages.ts";

export {
  type Api,
  type KnownRoute,
  type Principal,
  principalName,
  principalOf,
  type Reply,
  type Request,
  type RouteGroup,
  requestingAppId,
} from "./types.ts";
export { wordingOfMistakes } from "./validation.ts";

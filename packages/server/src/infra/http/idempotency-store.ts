import type { Db } from "../db/index.ts";
import type { Secrets } from "../secrets/index.ts";
import { claimKey, findKey, finishKey, releaseKey } from "./idempotency.sql.ts";
import type { IdempotencyStore } from "./idempotency.ts";

const context = (principal: string, key: string) => `idempotency:${principal}:${key}`;

/**
 * The store in the registry. Bodies are sealed: a reply may hold a key that is shown once. Keys older than 24 hours count
 * for nothing; `deleteOldKeys` takes them away.
 */
export function createIdempotencyStore(db: Db, secrets: Secrets): IdempotencyStore {
  return {
    async claim(principal, key, request) {
      // Keyed, for a request may hold a password: whoever has the registry alone can't try guesses.
      const requestHash = secrets.fingerprint(request);
      const token = await claimKey(db, principal, key, requestHash);
      if (token !== undefined) return { kind: "claimed", token };
      const known = await findKey(db, principal, key);
      // Released between the two statements: whoever repeats the request gets it.
      if (!known) return { kind: "in_flight" };
      if (!known.request_hash.equals(requestHash)) return { kind: "other_request" };
      if (known.status === null) return { kind: "in_flight" };
      const { status, headers } = known;
      const body =
        known.body === null ? null : secrets.open(Buffer.from(known.body, "base64"), context(principal, key));
      return {
        kind: "replay",
        reply: { status, headers: headers ?? {}, body: body?.toString("utf8") ?? null },
      };
    },
    async finish(principal, key, token, reply) {
      const body =
        reply.body === null ? null : secrets.seal(reply.body, context(principal, key)).toString("base64");
      await finishKey(db, principal, key, token, { ...reply, body });
    },
    release: (principal, key, token) => releaseKey(db, principal, key, token),
  };
}

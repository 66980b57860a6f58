import { failure, invalidField } from "../../kernel/index.ts";
import { type Api, principalName, type Reply, type Request } from "./types.ts";

/** A reply as it was sent, to be sent again. */
export type StoredReply = { status: number; headers: Record<string, string>; body: string | null };

export type Claim =
  /** Ours to carry out; `token` proves it to `finish` and `release`. */
  | { kind: "claimed"; token: string }
  | { kind: "replay"; reply: StoredReply }
  | { kind: "in_flight" }
  | { kind: "other_request" };

/** Remembers replies by principal and `Idempotency-Key` for 24 hours. Safe over any number of nodes. */
export type IdempotencyStore = {
  /** Takes the key for `request` (its whole text, of which only a fingerprint is kept), or says what became of it. A claim nobody finished within two minutes may be taken again. */
  claim(principal: string, key: string, request: string): Promise<Claim>;
  finish(principal: string, key: string, token: string, reply: StoredReply): Promise<void>;
  release(principal: string, key: string, token: string): Promise<void>;
};

const repeatable = new Set(["GET", "HEAD", "OPTIONS"]);
const keptHeaders = ["content-type", "location", "etag", "preference-applied", "retry-after"];
/** Refusals that changed nothing and may not last: the same key may try again. */
const passing = new Set([401, 403, 408, 409, 425, 429]);

type Held = { principal: string; key: string; token: string; forgetful: boolean };

/**
 * Makes every write of a principal with an `Idempotency-Key` happen once; a repetition gets the first reply. Where the
 * reply is kept nowhere (`forgetful`), the key keeps out who repeats the request while it is under way, and no longer.
 */
export function addIdempotency(api: Api, store: IdempotencyStore): void {
  const held = new WeakMap<Request, Held>();

  api.addHook("preHandler", async (request, reply) => {
    const key = request.headers["idempotency-key"];
    if (key === undefined || repeatable.has(request.method) || !request.principal) return;
    if (typeof key !== "string" || !/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw invalidField("Idempotency-Key", "This has to be 1 to 255 visible ASCII characters.");
    }
    const principal = principalName(request.principal);
    const claim = await store.claim(principal, key, textOf(request));
    if (claim.kind === "other_request") throw failure("idempotency_key_reused");
    if (claim.kind === "in_flight") throw failure("idempotency_key_in_flight", { retryAfterSeconds: 1 });
    const forgetful = request.routeOptions.config.forgetful === true;
    if (claim.kind === "claimed") held.set(request, { principal, key, token: claim.token, forgetful });
    else return replay(reply, claim.reply);
  });

  api.addHook("onSend", async (request, reply, payload) => {
    const mine = held.get(request);
    if (!mine) return payload;
    held.delete(request);
    try {
      await settle(store, mine, reply, payload);
    } catch (error) {
      // What was asked for is done: answer, and let the claim run out.
      request.log.warn({ err: error }, "idempotency.not_recorded");
    }
    return payload;
  });
}

async function settle(store: IdempotencyStore, mine: Held, reply: Reply, payload: unknown): Promise<void> {
  const body = Buffer.isBuffer(payload) ? payload.toString("utf8") : (payload ?? null);
  const isStream = body !== null && typeof body !== "string";
  if (mine.forgetful || reply.statusCode >= 500 || passing.has(reply.statusCode) || isStream) {
    await store.release(mine.principal, mine.key, mine.token);
    return;
  }
  const headers = keptHeaders.flatMap((name) => {
    const value = reply.getHeader(name);
    return value === undefined ? [] : [[name, String(value)]];
  });
  await store.finish(mine.principal, mine.key, mine.token, {
    status: reply.statusCode,
    headers: Object.fromEntries(headers),
    body,
  });
}

function replay(reply: Reply, stored: StoredReply): Reply {
  return reply
    .code(stored.status)
    .headers(stored.headers)
    .header("idempotency-replayed", "true")
    .send(stored.body === null ? undefined : Buffer.from(stored.body));
}

/** All that a reply goes by: an application's users speak by its key, each with a session of their own. */
function textOf(request: Request): string {
  const body = request.body === undefined ? "" : JSON.stringify(request.body);
  const { "if-match": ifMatch = "", "tenantry-session": session = "" } = request.headers;
  return [request.method, request.url, ifMatch, session, body].join("\n");
}

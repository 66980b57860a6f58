import type { KeyKind } from "@tenantry/contract";
import { LRUCache } from "lru-cache";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { Principal } from "../../infra/http/index.ts";
import { hashKey, hasKeyForm, newApiKey } from "../../infra/secrets/index.ts";
import { failure, newId } from "../../kernel/index.ts";
import {
  type ApiKeyRow,
  insertApiKey,
  lockOperatorKeys,
  revokeApiKey,
  selectGoodKey,
  touchApiKey,
} from "./api-keys.sql.ts";

const cacheMs = 5_000;
const mostCached = 10_000;

/** Without a lifetime the key is good until it is revoked. */
export type MakeKey = { name: string; lifetimeSeconds?: number } & (
  | { kind: Extract<KeyKind, "operator"> }
  | { kind: Extract<KeyKind, "app">; appId: string; instanceId?: string }
);

/** Makes a key. It is in the answer and nowhere else: the registry keeps only its hash. */
export async function createApiKey(tx: Tx, wanted: MakeKey): Promise<ApiKeyRow & { key: string }> {
  const { key, hint, hash } = newApiKey(wanted.kind);
  const row = await insertApiKey(tx, {
    id: newId(),
    kind: wanted.kind,
    appId: wanted.kind === "app" ? wanted.appId : null,
    instanceId: wanted.kind === "app" ? (wanted.instanceId ?? null) : null,
    name: wanted.name,
    hint,
    keyHash: hash,
    lifetimeSeconds: wanted.lifetimeSeconds ?? null,
  });
  return { ...row, key };
}

/** Ends a key; nodes notice within five seconds. The last operator's key stays: nobody could make another. */
export async function endApiKey(tx: Tx, id: string | undefined): Promise<void> {
  const unknown = failure("not_found", { detail: "There is no such key." });
  if (id === undefined) throw unknown;
  const operators = await lockOperatorKeys(tx);
  if (operators.length === 1 && operators[0] === id) {
    throw failure("illegal_transition", {
      detail: "This is the last operator's key.",
      remedy: "Make another operator's key first.",
    });
  }
  if (!(await revokeApiKey(tx, id))) throw unknown;
}

/**
 * Says whose key it is; undefined for none. Looks up by hash, so that nothing about a wrong key can be told from the
 * time it takes. An answer is kept for five seconds: that long a revoked key may still work.
 */
export function createKeyCheck(
  db: Db,
  clock: { now(): number } = performance,
): (key: string | undefined) => Promise<Principal | undefined> {
  const cache = new LRUCache<string, { principal: Principal | undefined }>({
    max: mostCached,
    ttl: cacheMs,
    ttlResolution: 0,
    perf: clock,
    fetchMethod: async (hash) => ({ principal: await lookUp(db, Buffer.from(hash, "hex")) }),
  });
  return async (key) => {
    if (key === undefined || !hasKeyForm(key)) return undefined;
    const found = await cache.fetch(hashKey(key).toString("hex"));
    return found?.principal;
  };
}

async function lookUp(db: Db, hash: Buffer): Promise<Principal | undefined> {
  const row = await selectGoodKey(db, hash);
  if (!row) return undefined;
  await touchApiKey(db, row.id);
  if (row.kind === "operator") return { kind: "operator", keyId: row.id };
  return row.appId === null ? undefined : { kind: "app", keyId: row.id, appId: row.appId };
}

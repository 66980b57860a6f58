import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { newApiKey } from "../../infra/secrets/index.ts";
import { newId } from "../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { createApiKey, createKeyCheck, endApiKey } from "./index.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(async () => registry.close());

const makeOperatorKey = () =>
  inTransaction(registry.db, (tx) => createApiKey(tx, { kind: "operator", name: "test" }));

async function makeApp(): Promise<string> {
  const id = newId();
  await sql`
    insert into apps (id, slug, run_as_uid) values (${id}, ${`app-${id}`}, ${Math.floor(Math.random() * 1e9)})
  `.execute(registry.db);
  return id;
}

describe("API keys", () => {
  it("let their holder in as what they were made for", async () => {
    const operator = await makeOperatorKey();
    const appId = await makeApp();
    const app = await inTransaction(registry.db, (tx) =>
      createApiKey(tx, { kind: "app", appId, name: "sites" }),
    );
    const check = createKeyCheck(registry.db);
    expect(await check(operator.key)).toEqual({ kind: "operator", keyId: operator.id });
    expect(await check(app.key)).toEqual({ kind: "app", keyId: app.id, appId });
  });

  it("are kept as a hash alone", async () => {
    const { key } = await makeOperatorKey();
    const { rows } = await sql<{ text: string }>`select api_keys::text as text from api_keys`.execute(
      registry.db,
    );
    expect(rows.every(({ text }) => !text.includes(key.slice(10)))).toBe(true);
  });

  it("let nobody in with none, a wrong or a made-up one", async () => {
    const check = createKeyCheck(registry.db);
    expect(await check(undefined)).toBeUndefined();
    expect(await check("")).toBeUndefined();
    expect(await check(newApiKey("operator").key)).toBeUndefined();
    expect(await check("' or true --")).toBeUndefined();
  });

  it("stop working when they expire", async () => {
    const { id, key } = await makeOperatorKey();
    await sql`update api_keys set expires_at = now() - interval '1 second' where id = ${id}`.execute(
      registry.db,
    );
    expect(await createKeyCheck(registry.db)(key)).toBeUndefined();
  });

  it("stop working within five seconds of being ended", async () => {
    await makeOperatorKey();
    const { id, key } = await makeOperatorKey();
    let now = 1;
    const check = createKeyCheck(registry.db, { now: () => now });
    expect(await check(key)).toBeDefined();
    await inTransaction(registry.db, (tx) => endApiKey(tx, id));
    expect(await check(key)).toBeDefined();
    now += 5_001;
    expect(await check(key)).toBeUndefined();
  });

  it("are asked of the registry once while many requests come at once", async () => {
    const { id, key } = await makeOperatorKey();
    const check = createKeyCheck(registry.db);
    const principals = await Promise.all(Array.from({ length: 50 }, () => check(key)));
    expect(new Set(principals.map((principal) => principal?.keyId))).toEqual(new Set([id]));
    const { rows } = await sql<{ used: boolean }>`
      select last_used_at is not null as used from api_keys where id = ${id}
    `.execute(registry.db);
    expect(rows).toEqual([{ used: true }]);
  });

  it("can't all be ended: the last operator's key stays, even when two are ended at once", async () => {
    await sql`update api_keys set revoked_at = now()`.execute(registry.db);
    const keys = [await makeOperatorKey(), await makeOperatorKey()];
    const ended = await Promise.allSettled(
      keys.map(({ id }) => inTransaction(registry.db, (tx) => endApiKey(tx, id))),
    );
    expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(ended.find((end) => end.status === "rejected")?.reason).toMatchObject({
      code: "illegal_transition",
    });
  });
});

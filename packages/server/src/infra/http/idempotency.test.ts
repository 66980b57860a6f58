import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { failure } from "../../kernel/index.ts";
import { asOperator, createMemoryIdempotencyStore, createTestApi } from "../../testing/api.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { sql } from "../db/index.ts";
import { createSecrets } from "../secrets/index.ts";
import { type Api, createIdempotencyStore, deleteOldKeys, type IdempotencyStore } from "./index.ts";

let registry: TestRegistry;
const secrets = createSecrets(Buffer.alloc(32));
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(async () => registry.close());

describe.each([
  ["memory", () => createMemoryIdempotencyStore()],
  ["the registry", () => createIdempotencyStore(registry.db, secrets)],
])("a write with an idempotency key, kept in %s", (_where, createStore) => {
  let api: Api;
  let made: string[];
  let proceed: () => void;
  let gate: Promise<void> | undefined;

  beforeEach(async () => {
    made = [];
    gate = undefined;
    await sql`truncate idempotency_keys`.execute(registry.db);
    api = await createTestApi({
      idempotency: createStore(),
      groups: [
        (at) => {
          at.post(
            "/v1/things",
            {
              config: { permission: "tenants:write" },
              schema: {
                operationId: "createThing",
                summary: "Create",
                tags: ["test"],
                body: z.strictObject({ name: z.string() }),
              },
            },
            async (request, reply) => {
              made.push(request.body.name);
              await gate;
              if (request.body.name === "broken") throw new Error("broken");
              if (request.body.name === "taken") throw failure("slug_taken");
              if (request.body.name === "refused") throw failure("slug_refused");
              return reply
                .code(201)
                .header("location", `/v1/things/${made.length}`)
                .header("etag", '"1"')
                .send({ number: made.length });
            },
          );
          at.post(
            "/v1/secrets",
            {
              config: { permission: "tenants:write", forgetful: true },
              schema: { operationId: "createSecret", summary: "Create", tags: ["test"] },
            },
            async () => {
              made.push("secret");
              await gate;
              return { secret: made.length };
            },
          );
        },
      ],
    });
    return () => api.close();
  });

  const create = (name: unknown, key: string | undefined, headers = {}) =>
    api.inject({
      method: "POST",
      url: "/v1/things",
      headers: { ...asOperator, ...(key === undefined ? {} : { "idempotency-key": key }), ...headers },
      payload: { name },
    });

  it("happens once; a repetition gets the same reply, marked as one", async () => {
    const first = await create("a", "k1");
    const second = await create("a", "k1");
    expect(made).toEqual(["a"]);
    expect(first.headers["idempotency-replayed"]).toBeUndefined();
    expect(second.headers["idempotency-replayed"]).toBe("true");
    for (const reply of [first, second]) {
      expect(reply.statusCode).toBe(201);
      expect(reply.json()).toEqual({ number: 1 });
      expect(reply.headers).toMatchObject({
        location: "/v1/things/1",
        etag: '"1"',
        "content-type": "application/json; charset=utf-8",
      });
    }
  });

  it("happens again without one, and under another", async () => {
    await create("a", undefined);
    await create("a", undefined);
    await create("a", "k1");
    await create("a", "k2");
    expect(made).toHaveLength(4);
  });

  it("is refused when the key was used for something else", async () => {
    await create("a", "k1");
    expect((await create("b", "k1")).json()).toMatchObject({ status: 422, code: "idempotency_key_reused" });
    expect(made).toEqual(["a"]);
  });

  it("is somebody else's when it comes with another session", async () => {
    const first = await create("a", "k1", { "tenantry-session": "of an admin" });
    const second = await create("a", "k1", { "tenantry-session": "of a viewer" });
    expect([first.statusCode, second.json().code]).toEqual([201, "idempotency_key_reused"]);
  });

  it("whose reply holds a secret isn't kept: it is done again, but not twice at once", async () => {
    const url = "/v1/secrets";
    const ask = () =>
      api.inject({ method: "POST", url, headers: { ...asOperator, "idempotency-key": "k1" } });
    expect([(await ask()).json(), (await ask()).json()]).toEqual([{ secret: 1 }, { secret: 2 }]);
    gate = new Promise((resolve) => {
      proceed = resolve;
    });
    const third = ask();
    await waitUntil("it is at work", () => made.length === 3);
    expect((await ask()).json()).toMatchObject({ code: "idempotency_key_in_flight" });
    proceed();
    await third;
    expect((await sql`select from idempotency_keys`.execute(registry.db)).rows).toEqual([]);
  });

  it("is refused while the first is still at work, and only then", async () => {
    gate = new Promise((resolve) => {
      proceed = resolve;
    });
    const first = create("a", "k1");
    await waitUntil("the first is at work", () => made.length === 1);
    const second = await create("a", "k1");
    expect(second.json()).toMatchObject({ status: 409, code: "idempotency_key_in_flight" });
    expect(second.headers["retry-after"]).toBe("1");
    proceed();
    expect((await first).statusCode).toBe(201);
    expect((await create("a", "k1")).statusCode).toBe(201);
    expect(made).toEqual(["a"]);
  });

  it("may be tried again after we broke, or when what was in the way may be gone", async () => {
    for (const name of ["broken", "taken"]) {
      await create(name, name);
      await create(name, name);
      expect(made.filter((one) => one === name)).toHaveLength(2);
    }
  });

  it("repeats a lasting refusal as a problem", async () => {
    await create("refused", "k1");
    const second = await create("refused", "k1");
    expect(second.headers["content-type"]).toBe("application/problem+json");
    expect(second.json()).toMatchObject({ status: 422, code: "slug_refused" });
    expect(made).toEqual(["refused"]);
  });

  it("doesn't use the key up when the request itself is wrong", async () => {
    expect((await create(7, "k1")).statusCode).toBe(422);
    expect((await create("a", "k1")).statusCode).toBe(201);
  });

  it.each(["", "x".repeat(256), "späce", "a b"])("is refused with the key %j", async (key) => {
    expect((await create("a", key)).json()).toMatchObject({ errors: [{ pointer: "Idempotency-Key" }] });
    expect(made).toEqual([]);
  });
});

describe("idempotency keys in the registry", () => {
  let store: IdempotencyStore;
  const request = "the request";
  beforeEach(async () => {
    await sql`truncate idempotency_keys`.execute(registry.db);
    store = createIdempotencyStore(registry.db, secrets);
  });

  const age = (interval: string) =>
    sql`update idempotency_keys set created_at = now() - ${interval}::interval`.execute(registry.db);

  async function claimed(): Promise<string> {
    const claim = await store.claim("operator:1", "k", request);
    if (claim.kind !== "claimed") throw new Error(`The key is ${claim.kind}.`);
    return claim.token;
  }

  it("go to one of many who claim at once", async () => {
    const claims = await Promise.all(
      Array.from({ length: 20 }, () => store.claim("operator:1", "k", request)),
    );
    expect(claims.filter(({ kind }) => kind === "claimed")).toHaveLength(1);
    expect(claims.filter(({ kind }) => kind === "in_flight")).toHaveLength(19);
  });

  it("belong to a principal", async () => {
    await claimed();
    expect((await store.claim("operator:2", "k", request)).kind).toBe("claimed");
  });

  it("are free again two minutes after their holder died, for the same request alone", async () => {
    await claimed();
    await age("119 seconds");
    expect((await store.claim("operator:1", "k", request)).kind).toBe("in_flight");
    await age("121 seconds");
    expect((await store.claim("operator:1", "k", "another request")).kind).toBe("other_request");
    expect((await store.claim("operator:1", "k", request)).kind).toBe("claimed");
  });

  it("can't be finished or released by a holder that was overtaken", async () => {
    const late = await claimed();
    await age("3 minutes");
    const token = await claimed();
    const reply = { status: 200, headers: {}, body: "late" };
    await store.finish("operator:1", "k", late, reply);
    await store.release("operator:1", "k", late);
    expect((await store.claim("operator:1", "k", request)).kind).toBe("in_flight");
    await store.finish("operator:1", "k", token, { ...reply, body: "first" });
    expect(await store.claim("operator:1", "k", request)).toMatchObject({
      kind: "replay",
      reply: { body: "first" },
    });
  });

  it("keep replies sealed: one may hold a key that is shown once", async () => {
    await store.finish("operator:1", "k", await claimed(), {
      status: 201,
      headers: {},
      body: "tk_op_secret",
    });
    const { rows } = await sql<{ text: string }>`
      select idempotency_keys::text as text from idempotency_keys
    `.execute(registry.db);
    expect(rows[0]!.text).not.toContain("tk_op_secret");
    expect(await store.claim("operator:1", "k", request)).toMatchObject({ reply: { body: "tk_op_secret" } });
  });

  it("are forgotten after a day, and their rows go", async () => {
    const token = await claimed();
    await store.finish("operator:1", "k", token, { status: 200, headers: {}, body: null });
    await age("23 hours");
    expect((await store.claim("operator:1", "k", request)).kind).toBe("replay");
    await age("25 hours");
    expect((await store.claim("operator:1", "k", "a third request")).kind).toBe("claimed");
    await age("25 hours");
    await store.claim("operator:1", "other", request);
    expect(await deleteOldKeys(registry.db, 10)).toBe(1);
    const { rows } = await sql<{ key: string }>`select key from idempotency_keys`.execute(registry.db);
    expect(rows).toEqual([{ key: "other" }]);
  });
});

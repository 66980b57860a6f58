import { afterAll, beforeAll, expect, test } from "vitest";
import { runAt } from "../../drivers/database/driver.testsuite.ts";
import type { Api } from "../../infra/http/index.ts";
import { createSecrets } from "../../infra/secrets/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { registerOwnServer, serverRoutes } from "./index.ts";

let postgres: TestPostgres;
let registry: TestRegistry;
let api: Api;
beforeAll(async () => {
  postgres = await testPostgres();
  registry = await testRegistry(postgres);
  const secrets = createSecrets(Buffer.alloc(32, 1));
  await registerOwnServer(registry.db, secrets, { name: "embedded", kind: "embedded", url: postgres.url });
  api = await createTestApi({ groups: [serverRoutes({ db: registry.db, secrets })] });
  await runAt(
    postgres.url,
    "create role maker login createdb createrole password 'hush'",
    "create role weak login password 'hush'",
    "grant connect on database postgres to maker, weak",
  );
});
afterAll(async () => {
  await api.close();
  await registry.close();
  await postgres.stop();
});

const givenUrl = () => postgres.url.replace(/\/\/[^@]*@/, "//maker:hush@");

async function call(method: "GET" | "POST" | "DELETE", url: string, payload?: object) {
  const response = await api.inject({ method, url, headers: asOperator, payload });
  return {
    status: response.statusCode,
    body: response.body ? response.json() : undefined,
    text: response.body,
  };
}

test("a server is registered after a look at it, and shown without its password", async () => {
  const added = await call("POST", "/v1/servers", {
    name: "second",
    url: givenUrl(),
    region: "eu",
    capacity: 5,
  });
  expect(added.status).toBe(201);
  expect(added.body).toMatchObject({
    name: "second",
    kind: "external",
    host: `127.0.0.1:${postgres.port}`,
    region: "eu",
    capacity: 5,
    databases: 0,
    state: "ready",
    maxBackends: 80,
  });
  const list = await call("GET", "/v1/servers?limit=1");
  expect(list.body.items).toMatchObject([{ name: "embedded", kind: "embedded" }]);
  const rest = await call("GET", `/v1/servers?cursor=${list.body.nextCursor}`);
  expect(rest.body.items).toMatchObject([{ name: "second" }]);
  const shown = await call("GET", "/v1/servers/second");
  expect(shown.body.id).toBe(added.body.id);
  for (const { text } of [added, list, rest, shown]) expect(text).not.toMatch(/hush|postgres:\/\//);
  expect((await call("DELETE", `/v1/servers/${added.body.id}`)).status).toBe(204);
  expect((await call("GET", "/v1/servers/second")).status).toBe(404);
});

test("a server that can't be used is refused with what is missing, and isn't kept", async () => {
  const refused = await call("POST", "/v1/servers", {
    name: "weak",
    url: givenUrl().replace("maker", "weak"),
  });
  expect(refused.status).toBe(422);
  expect(refused.body).toMatchObject({
    code: "server_unreachable",
    errors: [
      { pointer: "/url", message: "The role weak may not make databases: alter role weak createdb." },
      { pointer: "/url", message: "The role weak may not make roles: alter role weak createrole." },
    ],
  });
  expect((await call("GET", "/v1/servers/weak")).status).toBe(404);
});

test("a taken name is refused", async () => {
  const refused = await call("POST", "/v1/servers", { name: "embedded", url: givenUrl() });
  expect(refused).toMatchObject({ status: 409, body: { code: "name_taken" } });
});

test.each([
  [{ url: "postgres://u:p@h/d" }, "/name"],
  [{ name: "x" }, "/url"],
  [{ name: "X!", url: "postgres://u:p@h/d" }, "/name"],
  [{ name: "x", url: "mysql://u:p@h/d" }, "/url"],
  [{ name: "x", url: "postgres://u:hush@h" }, "/url"],
  [{ name: "x", url: "postgres://u:p@h/d", capacity: 0 }, "/capacity"],
  [{ name: "x", url: "postgres://u:p@h/d", maxBackends: "many" }, "/maxBackends"],
  [{ name: "x", url: "postgres://u:p@h/d", region: "<b>" }, "/region"],
])("%j is refused, naming %s", async (payload, pointer) => {
  const refused = await call("POST", "/v1/servers", payload);
  expect(refused.status).toBe(422);
  expect(refused.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  expect(refused.text).not.toContain("hush");
});

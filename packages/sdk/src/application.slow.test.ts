import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import express from "express";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fresh } from "../../server/src/testing/fresh.ts";
import { startInstallation, type WholeInstallation } from "../../server/src/testing/installation.ts";
import { waitUntil } from "../../server/src/testing/wait-until.ts";
import { tenantErrors, tenantMiddleware } from "./adapters/express.ts";
import {
  checkOrigin,
  createTenantry,
  EnvironmentSuspended,
  LoginRefused,
  readSessionCookie,
  sessionCookie,
  type Tenantry,
} from "./index.ts";

/** An application with one table, on Express, that knows nothing of tenants but `tenantry`. */
const migrations = [
  {
    name: "001_notes.sql",
    sql: "create table notes (id bigint generated always as identity, text text not null)",
  },
];
const password = "correct horse battery";

let running: WholeInstallation;
let server: Server;
let tenantry: Tenantry;
/** Tenants of each test's own. */
let acme: string;
let other: string;

beforeAll(async () => {
  running = await startInstallation();
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstreamUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const app = await call("POST", "/v1/apps", {
    slug: "notes",
    upstreamUrl,
    migrations,
    healthPath: "/health",
  });
  expect(app.status).toBeLessThan(300);
  tenantry = createTenantry({ url: running.url, appKey: app.body.appKey as string });
  server.on("request", notes(tenantry));
  await waitUntil("the application is released", async () => {
    return (await call("GET", `/v1/operations/${app.body.operationId}`)).body.status === "succeeded";
  });
  await tenantry.ready();
}, 120_000);

beforeEach(async () => {
  [acme, other] = [fresh("acme"), fresh("other")];
  for (const [slug, name] of [
    [acme, "Acme Ltd"],
    [other, "Other GmbH"],
  ]) {
    const admin = { email: "ann@example.com", password };
    const made = await call("POST", "/v1/tenants", { slug, name, app: "notes", admin });
    expect(made.body).toMatchObject({ slug, status: "active" });
  }
});

afterAll(async () => {
  await tenantry?.close();
  server?.closeAllConnections();
  server?.close();
  await running?.stop();
});

function notes(tenantry: Tenantry): express.Express {
  const { db, storage, cache, settings, auth } = tenantry;
  const app = express();
  app.get("/health", (_, response) => void response.send("well"));
  app.use(tenantMiddleware(tenantry), express.json());
  app.get("/", async (_, response) => {
    const { rows } = await db.query<{ text: string }>("select text from notes order by id");
    const visits = await cache.increment("visits");
    const { items } = await storage.list();
    const files = items.map(({ key }) => key);
    const { name } = tenantry.current().tenant;
    response.json({
      name,
      notes: rows.map(({ text }) => text),
      visits,
      files,
      colour: settings.get("app.colour"),
    });
  });
  app.post("/log-in", async (request, response) => {
    const { token } = await auth.login({ ...request.body, address: "203.0.113.7" });
    response.setHeader("set-cookie", sessionCookie(request, token)).json({});
  });
  app.post("/notes", async (request, response) => {
    const user = await auth.user(readSessionCookie(request));
    if (!user || !checkOrigin(request).allowed) return void response.status(403).json({});
    await db.transaction(async (tx) => {
      await tx.query("insert into notes (text) values ($1)", [request.body.text]);
    });
    await storage.put(`${request.body.text}.txt`, request.body.text);
    response.json({ by: user.email });
  });
  app.use(tenantErrors());
  return app;
}

type Answer = { status: number; headers: IncomingMessage["headers"]; body: Record<string, unknown> };

async function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: object,
): Promise<Answer> {
  const payload = body && JSON.stringify(body);
  const length = payload && {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(payload)),
  };
  const { hostname, port, pathname } = new URL(url);
  const options = { host: hostname === "localhost" ? "127.0.0.1" : hostname, port, path: pathname, method };
  return new Promise((resolve, reject) => {
    httpRequest({ ...options, headers: { ...length, ...headers } }, async (response) => {
      const text = await readText(response);
      const isJson = /json/.test(response.headers["content-type"] ?? "");
      resolve({
        status: response.statusCode!,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : { text },
      });
    })
      .on("error", reject)
      .end(payload);
  });
}

/** The operator's API. */
function call(method: string, route: string, body?: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${running.apiKey}`, prefer: "wait=30" };
  return send(`${running.url}${route}`, method, headers, body);
}

/** A visitor of a tenant's site, through the gateway. */
function visit(slug: string, route = "/", options: { method?: string; cookie?: string; body?: object } = {}) {
  const { method = "GET", cookie, body } = options;
  const host = `${slug}.localhost:${new URL(running.gatewayUrl).port}`;
  const origin = method === "GET" ? undefined : { origin: `http://${host}` };
  const headers = { host, accept: "application/json", ...origin, ...(cookie && { cookie }) };
  return send(`${running.gatewayUrl}${route}`, method, headers, body);
}

async function logIn(slug: string): Promise<string> {
  const body = { email: "ann@example.com", password };
  const answer = await visit(slug, "/log-in", { method: "POST", body });
  expect(answer.status).toBe(200);
  return String(answer.headers["set-cookie"]).split(";")[0]!;
}

describe("an application of many tenants [APP-1]", () => {
  it("keeps database, files and cache of each tenant apart without a word about tenants in its code", async () => {
    const cookie = await logIn(acme);
    const body = { text: "only acme's" };
    expect((await visit(acme, "/notes", { method: "POST", cookie, body })).body).toEqual({
      by: "ann@example.com",
    });
    expect((await visit(acme)).body).toMatchObject({
      name: "Acme Ltd",
      notes: ["only acme's"],
      files: ["only acme's.txt"],
      visits: 1,
    });
    expect((await visit(other)).body).toMatchObject({
      name: "Other GmbH",
      notes: [],
      files: [],
      visits: 1,
    });
    expect((await visit(acme)).body.visits).toBe(2);
  });

  it("knows a session at its own tenant alone, and no longer when an operator changed the password [IAM-2]", async () => {
    const cookie = await logIn(acme);
    const post = (slug: string) => visit(slug, "/notes", { method: "POST", cookie, body: { text: "x" } });
    expect((await post(other)).status).toBe(403);
    expect((await post(acme)).status).toBe(200);
    const users = (await call("GET", `/v1/tenants/${acme}/users`)).body.items as { id: string }[];
    const change = { password: "another horse battery" };
    expect((await call("PATCH", `/v1/tenants/${acme}/users/${users[0]!.id}`, change)).status).toBe(200);
    await waitUntil("the session has ended", async () => (await post(acme)).status === 403);
    await expect(
      tenantry.run((await environmentOf(acme)).id, () =>
        tenantry.auth.login({ email: "ann@example.com", password }),
      ),
    ).rejects.toBeInstanceOf(LoginRefused);
  });

  it("lets a tenant's admins look after its users, each user change their password, and nobody more [IAM-2]", async () => {
    const { auth } = tenantry;
    await inTenant(other, async () => {
      const { token } = await auth.login({ email: "ann@example.com", password });
      const admin = auth.administer(token);
      const bob = await admin.create({ email: "bob@example.com", password: "bobs own battery" });
      expect((await admin.list()).items.map(({ email }) => email)).toEqual([
        "ann@example.com",
        "bob@example.com",
      ]);
      await expect(admin.create({ email: "BOB@example.com" })).rejects.toMatchObject({
        code: "email_taken",
        status: 409,
        errors: [{ pointer: "/email" }],
      });
      expect(await admin.show(bob.id)).toEqual(bob);

      const bobs = await auth.login({ email: "bob@example.com", password: "bobs own battery" });
      await expect(auth.administer(bobs.token).list()).rejects.toMatchObject({ code: "forbidden" });
      const change = { currentPassword: "bobs own battery", password: "a better battery" };
      await expect(
        auth.changePassword(bobs.token, { ...change, currentPassword: "wrong" }),
      ).rejects.toBeInstanceOf(LoginRefused);
      await expect(auth.changePassword(bobs.token, { ...change, password: "short" })).rejects.toMatchObject({
        status: 422,
        errors: [{ pointer: "/password" }],
      });
      const again = await auth.changePassword(bobs.token, change);
      expect(await auth.user(bobs.token)).toBeUndefined();
      expect(await auth.user(again.token)).toMatchObject({ id: bob.id });

      expect(await admin.update(bob.id, { status: "deactivated", name: "Bob" })).toMatchObject({
        name: "Bob",
        status: "deactivated",
      });
      await expect(
        auth.login({ email: "bob@example.com", password: "a better battery" }),
      ).rejects.toBeInstanceOf(LoginRefused);
      await admin.endSessions(bob.id);
      await admin.remove(bob.id);
      const ann = (await admin.list()).items[0]!;
      expect(await auth.user(token)).toMatchObject({ name: null });
      await admin.update(ann.id, { name: "Ann" });
      expect(await auth.user(token)).toMatchObject({ name: "Ann" });
      await expect(admin.remove(ann.id)).rejects.toMatchObject({ code: "forbidden" });
      await expect(admin.update(ann.id, { role: "viewer" })).rejects.toMatchObject({ code: "forbidden" });
    });
    const { token } = await inTenant(other, () => auth.login({ email: "ann@example.com", password }));
    await inTenant(acme, () =>
      expect(auth.administer(token).list()).rejects.toMatchObject({ code: "session_invalid" }),
    );
  });

  it("serves a tenant the moment it exists", async () => {
    const slug = fresh("brand-new");
    expect((await call("POST", "/v1/tenants", { slug, name: "New", app: "notes" })).status).toBe(201);
    expect(await visit(slug)).toMatchObject({ status: 200, body: { name: "New" } });
  });

  it("sees a setting of the tenant, and of the installation, within a second of its change", async () => {
    const colour = async () => (await visit(other)).body.colour;
    const blue = fresh("blue");
    expect(await colour()).not.toBe(blue);
    await call("PATCH", "/v1/settings", { "app.colour": blue });
    await waitUntil("the installation's colour is seen", async () => (await colour()) === blue, 1_000);
    await call("PATCH", `/v1/tenants/${other}/settings`, { "app.colour": "red" });
    await waitUntil("the tenant's colour is seen", async () => (await colour()) === "red", 1_000);
  });

  it("believes nothing that doesn't come through the gateway", async () => {
    const { port } = server.address() as AddressInfo;
    const forged = { host: `${acme}.localhost`, "tenantry-tenant": "tnt_x", "tenantry-token": "x.y.z" };
    const answer = await send(`http://127.0.0.1:${port}/`, "GET", forged);
    expect(answer).toMatchObject({ status: 401, body: { code: "tenant_token_invalid" } });
    const through = await send(`${running.gatewayUrl}/`, "GET", forged);
    expect(through).toMatchObject({ status: 200, body: { name: "Acme Ltd" } });
  });

  it("can do nothing for a suspended tenant, and everything again when it is resumed [ISO-14]", async () => {
    const { id } = await environmentOf(other);
    const count = () => tenantry.run(id, () => tenantry.db.query("select count(*) from notes"));
    await count();
    await call("POST", `/v1/tenants/${other}/suspend`, { reason: "unpaid" });
    await waitUntil("its jobs are refused", () =>
      count().then(
        () => false,
        (error) => error instanceof EnvironmentSuspended,
      ),
    );
    expect((await visit(other)).status).toBe(503);
    await call("POST", `/v1/tenants/${other}/resume`);
    await waitUntil("its jobs run again", () =>
      count().then(
        () => true,
        () => false,
      ),
    );
    expect((await visit(other)).status).toBe(200);
  });
});

async function environmentOf(slug: string): Promise<{ id: string }> {
  return ((await call("GET", `/v1/tenants/${slug}`)).body.environments as { id: string }[])[0]!;
}

async function inTenant<Result>(slug: string, work: () => Promise<Result>): Promise<Result> {
  return tenantry.run((await environmentOf(slug)).id, work);
}

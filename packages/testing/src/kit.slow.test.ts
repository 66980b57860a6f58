import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  EnvironmentSuspended,
  EnvironmentUnavailable,
  EnvironmentUnknown,
  readSessionCookie,
} from "@tenantry/sdk";
import { tenantErrors, tenantMiddleware } from "@tenantry/sdk/express";
import { tenantErrorHandler, tenantPlugin } from "@tenantry/sdk/fastify";
import { tenantMiddleware as honoMiddleware } from "@tenantry/sdk/hono";
import { tenantListener } from "@tenantry/sdk/node";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitUntil } from "../../server/src/testing/wait-until.ts";
import { findHost } from "./host-process.ts";
import {
  type Application,
  startTestKit,
  stopTestKit,
  type TestKit,
  type TestKitOptions,
  type TestTenant,
} from "./index.ts";

let directory: string;
let migrations: string;
let kit: TestKit;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-kit-"));
  migrations = await written({
    "001_notes.sql":
      "create table notes (id bigint generated always as identity primary key, text text not null unique);",
    "002_first.sql": "insert into notes (text) values ('Welcome');",
  });
  kit = await start({ migrations });
});

afterAll(async () => {
  await kit.close();
  await stopTestKit({ directory: path.join(directory, "host") });
  await rm(directory, { recursive: true, force: true });
});

async function written(files: Record<string, string>): Promise<string> {
  const place = await mkdtemp(path.join(directory, "migrations-"));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(place, name), text);
  return place;
}

const start = (options: TestKitOptions) =>
  startTestKit({ directory: path.join(directory, "host"), ...options });

async function status(): Promise<{ members: number; tenants: number; toRemove: number }> {
  const { url, key } = (await findHost(path.join(directory, "host")))!;
  const response = await fetch(`${url}/kit/status`, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as Awaited<ReturnType<typeof status>>;
}

describe.each(["database", "schema", "shared"] as const)("at the level %s", (level) => {
  test("a tenant has all that its application has in production, and its neighbour nothing of it", async () => {
    await using acme = await kit.tenant({ level, settings: { colour: "green" } });
    await using globex = await kit.tenant({ level });
    for (const tenant of [acme, globex]) {
      await tenant.db.query("insert into notes (text) values ($1)", ["Buy milk"]);
      await tenant.storage.put("list.txt", `files of ${tenant.slug}`);
      await tenant.cache.set("seen", tenant.slug);
    }
    const { rows } = await globex.pool.query("select id, text from notes order by id");
    expect(rows).toEqual([
      { id: "1", text: "Welcome" },
      { id: "2", text: "Buy milk" },
    ]);
    expect(await acme.cache.get("seen")).toBe(acme.slug);
    expect(await globex.storage.list()).toMatchObject({ items: [{ key: "list.txt" }] });
    expect([acme.settings.get("colour"), globex.settings.get("colour")]).toEqual(["green", undefined]);
  });

  test("no statement of one reaches the other's rows", async () => {
    await using acme = await kit.tenant({ level });
    await using globex = await kit.tenant({ level });
    await acme.db.query("delete from notes");
    expect((await globex.db.query("select text from notes")).rows).toEqual([{ text: "Welcome" }]);
    await expect(acme.db.query("truncate notes")).rejects.toThrow();
    await expect(acme.db.query("create table mine (a int)")).rejects.toThrow();
  });
});

describe("at the level sqlite", () => {
  test("a tenant has a file of its own with the same migrations, and its neighbour nothing of it", async () => {
    await using acme = await kit.tenant({ level: "sqlite" });
    await using globex = await kit.tenant({ level: "sqlite" });
    await acme.db.query("insert into notes (text) values ($1)", ["Buy milk"]);
    await globex.db.query("delete from notes");
    expect((await acme.db.query("select id, text from notes order by id")).rows).toEqual([
      { id: "1", text: "Welcome" },
      { id: "2", text: "Buy milk" },
    ]);
    expect((await globex.pool.query("select text from notes")).rows).toEqual([]);
    const broken = acme.db.transaction(async (tx) => {
      await tx.query("insert into notes (text) values ('Never')");
      throw new Error("broken off");
    });
    await expect(broken).rejects.toThrow("broken off");
    expect((await acme.db.query("select count(*)::int as count from notes")).rows).toEqual([{ count: 2 }]);
  });
});

test("a removed tenant is unknown to the application, and nothing of it is left", async () => {
  const tenant = await kit.tenant();
  await tenant.db.query("select 1");
  await tenant.remove();
  await tenant.remove();
  await waitUntil("the application has heard of it", async () =>
    tenant.db.query("select 1").then(
      () => false,
      (error) => error instanceof EnvironmentUnknown,
    ),
  );
  await waitUntil("it is removed", async () => (await status()).toRemove === 0);
});

test("code runs in a tenant's context as in a job of its", async () => {
  await using tenant = await kit.tenant({ slug: "acme", name: "Acme Ltd", language: "de" });
  await kit.run(tenant, async (context) => {
    expect(kit.tenantry.current()).toBe(context);
    expect(context.tenant).toMatchObject({ slug: "acme", name: "Acme Ltd" });
    expect(context.language).toBe("de");
    await kit.tenantry.db.query("insert into notes (text) values ('from a job')");
  });
  expect((await tenant.db.query("select 1 from notes")).rows).toHaveLength(2);
});

test("the application sees what an operator changes, as soon as it is changed", async () => {
  await using tenant = await kit.tenant();
  const asked = () => tenant.db.query("select 1");
  await tenant.change({ settings: { colour: "red" }, name: "Renamed", language: "de" });
  expect(tenant.settings.all()).toEqual({ colour: "red" });
  await kit.run(tenant, ({ tenant: { name }, language }) =>
    expect([name, language]).toEqual(["Renamed", "de"]),
  );
  await tenant.change({ state: "suspended" });
  await expect(asked()).rejects.toBeInstanceOf(EnvironmentSuspended);
  await tenant.change({ state: "maintenance", settings: {} });
  await expect(asked()).rejects.toBeInstanceOf(EnvironmentUnavailable);
  await tenant.change({ state: "active" });
  expect((await asked()).rows).toHaveLength(1);
});

test("no tenant of the kit stands below another one, which an application that asks is told", async () => {
  await using tenant = await kit.tenant();
  await kit.run(tenant, async ({ tenant: { hasChildren }, tenants }) => {
    expect([hasChildren, await tenants.children()]).toEqual([false, { items: [], nextCursor: null }]);
  });
});

test("a user is signed in without a password, in one tenant alone, until the log-out", async () => {
  await using acme = await kit.tenant();
  await using globex = await kit.tenant();
  const { token, cookie, user } = await acme.signIn({ email: "ann@example.com", role: "admin" });
  expect(user).toMatchObject({ email: "ann@example.com", role: "admin" });
  const listener = tenantListener(kit.tenantry, async (request, response) => {
    const found = await kit.tenantry.auth.user(readSessionCookie(request));
    response.end(found?.email ?? "nobody");
  });
  const visit = async (tenant: TestTenant) =>
    (await kit.fetch(listener, tenant, "/", { headers: { cookie } })).text();
  expect([await visit(acme), await visit(globex)]).toEqual(["ann@example.com", "nobody"]);
  await kit.run(acme, ({ auth }) => auth.logout(token));
  expect(await visit(acme)).toBe("nobody");
  const logIn = kit.run(acme, ({ auth }) => auth.login({ email: "ann@example.com", password: "secret" }));
  await expect(logIn).rejects.toThrow("`tenant.signIn()`");
});

describe("a request to the application under test", () => {
  const applications: [string, () => Application | Promise<Application>][] = [
    [
      "Express",
      () => {
        const app = express().use(tenantMiddleware(kit.tenantry), express.json());
        app.post("/notes", async (request, response) => {
          await kit.tenantry.db.query("insert into notes (text) values ($1)", [request.body.text]);
          response.json(whose(request.headers.host));
        });
        return app.use(tenantErrors());
      },
    ],
    [
      "Fastify",
      async () => {
        const app = fastify();
        app.setErrorHandler(tenantErrorHandler);
        await app.register(tenantPlugin, { tenantry: kit.tenantry });
        app.post("/notes", async (request) => {
          const { text } = request.body as { text: string };
          await kit.tenantry.db.query("insert into notes (text) values ($1)", [text]);
          return whose(request.headers.host);
        });
        return app;
      },
    ],
    [
      "Hono",
      () => {
        const app = new Hono().use(honoMiddleware(kit.tenantry));
        app.post("/notes", async (context) => {
          const { text } = await context.req.json();
          await kit.tenantry.db.query("insert into notes (text) values ($1)", [text]);
          return context.json(whose(context.req.header("host")));
        });
        return app;
      },
    ],
  ];
  const whose = (host: string | undefined) => ({ host, slug: kit.tenantry.current().tenant.slug });
  const body = JSON.stringify({ text: "Buy milk" });
  const post = { method: "POST", headers: { "content-type": "application/json" }, body };

  test.each(applications)("reaches %s as its tenant's, on its tenant's host", async (_name, make) => {
    const application = await make();
    await using acme = await kit.tenant();
    await using globex = await kit.tenant();
    for (const { slug, hostname } of [acme, globex]) {
      const response = await kit.fetch(application, slug === acme.slug ? acme : globex, "/notes", post);
      expect([response.status, await response.json()]).toEqual([200, { host: hostname, slug }]);
    }
    await acme.change({ state: "suspended" });
    expect((await kit.fetch(application, acme, "/notes", post)).status).toBe(503);
    expect((await globex.db.query("select text from notes where id = 2")).rows).toEqual([
      { text: "Buy milk" },
    ]);
  });

  test("reaches a server that runs already, by its address, and its redirects are answered", async () => {
    const listener = tenantListener(kit.tenantry, (_request, response) =>
      response.writeHead(302, { location: `https://${kit.tenantry.current().tenant.slug}.example/` }).end(),
    );
    const server = createServer((request, response) => void listener(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    try {
      await using tenant = await kit.tenant();
      const response = await kit.fetch(`http://127.0.0.1:${port}`, tenant, "/");
      expect([response.status, response.headers.get("location")]).toEqual([
        302,
        `https://${tenant.slug}.example/`,
      ]);
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(401);
    } finally {
      server.close();
    }
  });
});

describe("what is wrong is said with what to do", () => {
  const refusal = async (options: TestKitOptions) => {
    const error = await start(options).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error as Error & { code: string };
  };

  test("when there is no such directory, or nothing in it", async () => {
    const missing = await refusal({ migrations: path.join(directory, "missing") });
    expect(missing).toMatchObject({ name: "TestKitError", code: "migrations_unreadable" });
    expect(missing.message).toMatch(/missing can't be read \(ENOENT\)\. Name the directory/);
    expect((await refusal({ migrations: await written({}) })).message).toMatch(/There are no \.sql files in/);
  });

  test("when a migration fails: its file and line", async () => {
    const broken = await written({ "001_a.sql": "create table a (id int);\n\ncreate tabel b (id int);" });
    expect(await refusal({ migrations: broken })).toMatchObject({
      code: "migration_failed",
      message: expect.stringMatching(/^001_a\.sql, line 3, column 8/),
    });
  });

  test("when the kit hasn't the level, or the level can't hold the schema", async () => {
    const dedicated = await refusal({ migrations, level: "dedicated" as "database" });
    expect(dedicated).toMatchObject({
      code: "isolation_unavailable",
      message: expect.stringMatching(/Use "database"/),
    });
    const unheld = await written({ "001_a.sql": "create materialized view counts as select 1 as one" });
    const refused = await refusal({ migrations: unheld, level: "shared" });
    expect(refused.code).toBe("isolation_unavailable");
    expect(refused.message).toMatch(/counts.*Make it a plain view/);
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { RuntimeEnvironment } from "@tenantry/contract";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EnvironmentSuspended } from "../errors.ts";
import { createTenantry, type Tenantry } from "../index.ts";
import { type Application, frameworks } from "../testing/applications.ts";
import { type TestInstallation, testInstallation } from "../testing/installation.ts";
import { tenantMiddleware } from "./hono.ts";

let installation: TestInstallation;
let tenantry: Tenantry;

beforeAll(async () => {
  installation = await testInstallation();
  tenantry = createTenantry({
    url: installation.url,
    appKey: installation.appKey,
    log: { info: () => undefined, warn: () => undefined },
  });
});
afterAll(async () => {
  await tenantry.close();
  installation.stop();
});

function addTenant(slug: string, change = {}): RuntimeEnvironment {
  return installation.addTenant(slug, {
    cache: { driver: "memory", prefix: slug, generation: 1 },
    ...change,
  });
}

describe.each(frameworks)("an application on %s", (_, start) => {
  let application: Application;
  beforeAll(async () => {
    application = await start(tenantry);
  });
  afterAll(() => application.close());

  async function ask(environment: RuntimeEnvironment | undefined, path: string, init: RequestInit = {}) {
    const token = environment && (await installation.token(environment));
    const headers = { ...(token && { "tenantry-token": token }), ...init.headers };
    const response = await fetch(`${application.url}${path}`, { ...init, headers });
    const text = await response.text();
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      headers: response.headers,
      text,
    };
  }

  test("answers requests that were signed for a tenant's file, and no others", async () => {
    const root = await mkdtemp(path.join(tmpdir(), "tenantry-signed-"));
    const place = async (signingKey: string) => {
      const directory = await mkdtemp(path.join(root, "files-"));
      return { driver: "fs" as const, directory, signingKey, generation: 1 };
    };
    const [acme, other] = [
      addTenant("signs", { storage: await place("one key") }),
      addTenant("peeks", { storage: await place("another key") }),
    ];
    const [up, down] = await tenantry.run(acme.id, ({ storage }) =>
      Promise.all([
        storage.signUpload("a/b c.html", { contentType: "text/html", bytes: 5 }),
        storage.signDownload("a/b c.html"),
      ]),
    );
    const { "content-length": _, ...headers } = up.headers;
    const put = (change: RequestInit = {}, environment = acme, url = up.url) =>
      ask(environment, url, { method: "PUT", body: "hello", headers, ...change });
    expect((await ask(acme, down.url)).status).toBe(404);
    expect((await put({ headers: { "content-type": "text/plain" } })).status).toBe(403);
    expect((await put({ body: "hell" })).status).toBe(403);
    expect((await put({}, other)).status).toBe(403);
    expect((await put({}, acme, up.url.replace("c.html", "d.html"))).status).toBe(403);
    expect((await put({}, acme, up.url.replace("bytes=5", "bytes=6"))).status).toBe(403);
    expect((await put({}, acme, down.url)).status).toBe(403);
    expect((await put()).status).toBe(204);
    const got = await ask(acme, down.url);
    expect([got.status, got.text, got.type]).toEqual([200, "hello", "text/html"]);
    expect(got.headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
    expect(got.headers.get("content-disposition")).toBe("attachment");
    const part = await ask(acme, down.url, { headers: { range: "bytes=1-2" } });
    expect([part.status, part.text, part.headers.get("content-range")]).toEqual([206, "el", "bytes 1-2/5"]);
    expect((await ask(other, down.url)).status).toBe(403);
    expect((await ask(acme, up.url)).status).toBe(403);
    expect((await ask(acme, down.url.replace(/expires=\d/, "expires=9"))).status).toBe(403);
    expect((await ask(acme, "/.tenantry/files/a")).status).toBe(403);
    await rm(root, { recursive: true });
  });

  test("knows the tenant in everything that runs later", async () => {
    const { text } = await ask(addTenant("acme"), "/later");
    const seen = JSON.parse(text) as Record<string, string>;
    expect(Object.keys(seen)).toHaveLength(10);
    expect(seen).toEqual(
      Object.fromEntries(Object.keys(seen).map((way) => [way, way === "stream" ? "acme acme" : "acme"])),
    );
  });

  test.each([10, 300_000])("knows the tenant after a body of %d bytes was parsed", async (size) => {
    const body = { text: "x".repeat(size) };
    const init = {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    };
    const { text } = await ask(addTenant("acme"), "/body", init);
    expect(JSON.parse(text)).toEqual(["acme", body]);
  });

  test("knows the tenant in listeners of the request's own events", async () => {
    const init = { method: "POST", body: "x".repeat(200_000), headers: { "content-type": "text/events" } };
    expect(JSON.parse((await ask(addTenant("acme"), "/events", init)).text)).toBe("acme");
  });

  test("knows the tenant while it streams an answer", async () => {
    expect((await ask(addTenant("acme"), "/stream")).text).toBe("acme;acme;acme;");
  });

  test("answers without a token 401, and lets a health check pass", async () => {
    const { status, type, text } = await ask(undefined, "/later");
    expect({ status, type }).toEqual({ status: 401, type: "application/problem+json" });
    expect(JSON.parse(text)).toMatchObject({ status: 401, code: "tenant_token_invalid" });
    expect(JSON.parse((await ask(undefined, "/health?deep")).text)).toBe("healthy");
  });

  test("believes nobody who comes past the gateway and names a tenant by himself", async () => {
    const acme = addTenant("acme");
    const other = addTenant("other");
    const token = await installation.token(acme);
    const [head, claims, signature] = token.split(".");
    const forged = JSON.parse(Buffer.from(claims!, "base64url").toString());
    const claimsOfOther = { ...forged, sub: other.tenantId, env: other.id };
    const body = Buffer.from(JSON.stringify(claimsOfOther)).toString("base64url");
    const names = {
      "tenantry-tenant": acme.tenantId,
      "tenantry-environment": "production",
      host: "acme.localhost",
    };
    for (const headers of [names, { ...names, "tenantry-token": `${head}.${body}.${signature}` }]) {
      expect(await ask(undefined, "/later", { headers })).toMatchObject({ status: 401 });
    }
    expect((await ask(acme, "/later")).status).toBe(200);
  });

  test.each([
    ["suspended", { tenantStatus: "suspended" }, 503, "environment_suspended"],
    ["in maintenance", { status: "maintenance" }, 503, "environment_unavailable"],
    ["deleted", { tenantStatus: "deleted" }, 404, "environment_unknown"],
  ])("answers for a tenant that is %s with a problem document", async (_, change, status, code) => {
    const answer = await ask(addTenant("acme", change), "/later");
    expect(answer.status).toBe(status);
    expect(answer.type).toBe("application/problem+json");
    expect(JSON.parse(answer.text)).toMatchObject({ status, code });
  });

  test("answers for an environment that nobody knows 404", async () => {
    const acme = addTenant("acme");
    installation.remove(acme.id);
    expect(await ask(acme, "/later")).toMatchObject({ status: 404, type: "application/problem+json" });
  });

  test("answers with a problem document when something of the tenant fails half-way", async () => {
    const suspended = await ask(addTenant("acme"), "/half-way/suspended");
    expect(suspended).toMatchObject({ status: 503, type: "application/problem+json" });
    expect(JSON.parse(suspended.text).code).toBe("environment_suspended");
    const crowded = await ask(addTenant("acme"), "/half-way/crowded");
    expect(crowded).toMatchObject({ status: 503, type: "application/problem+json" });
    expect(JSON.parse(crowded.text).code).toBe("busy");
    expect(crowded.headers.get("retry-after")).toBe("3");
  });

  test("never mixes up the tenants of 500 requests at the same time", async () => {
    const tenants = Array.from({ length: 20 }, (_, index) => addTenant(`tenant-${index}`));
    const answers = await Promise.all(
      Array.from({ length: 500 }, async (_, index) => {
        const tenant = tenants[index % tenants.length]!;
        const path = ["/wander", "/stream", "/body"][index % 3]!;
        const init =
          path === "/body"
            ? { method: "POST", body: "{}", headers: { "content-type": "application/json" } }
            : {};
        const { text } = await ask(tenant, path, init);
        return [tenant.tenantSlug, ...new Set(text.match(/tenant-\d+/g))];
      }),
    );
    for (const [expected, ...seen] of answers) expect(seen).toEqual([expected]);
  });
});

describe("an application on Hono that answers errors of this package itself", () => {
  const app = new Hono();
  const part = new Hono();
  beforeAll(() => {
    app.use(tenantMiddleware(tenantry));
    part.get("/handled", () => {
      throw new EnvironmentSuspended("acme");
    });
    part.onError((error, context) => {
      if (context.req.query("known") === undefined) throw error;
      return context.redirect("/admin/login", 303);
    });
    app.route("/part", part);
  });

  test("is left to it, and what it doesn't know gets a problem document", async () => {
    const headers = { "tenantry-token": await installation.token(addTenant("acme")) };
    const known = await app.request("/part/handled?known", { headers });
    expect([known.status, known.headers.get("location")]).toEqual([303, "/admin/login"]);
    expect(await known.text()).toBe("");
    const silent = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const unknown = await app.request("/part/handled", { headers });
    silent.mockRestore();
    expect([unknown.status, unknown.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
  });
});

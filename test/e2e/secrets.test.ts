import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type CloudEvent, eventCatalogue, eventTypePrefix } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Finished } from "../support/command.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { environmentOf } from "../support/process-tree.ts";

let installation: Installation;
/** What must stay secret, by what it is. */
const secrets = new Map<string, string>();
/** Where something was said or kept, by where that was. */
const traces = new Map<string, string>();
let events: CloudEvent[];
let ended: Finished;

beforeAll(async () => {
  installation = await startInstallation({ flags: ["--log-level", "trace"] });
  await collectOwnSecrets();
  await liveOneLife();
  ended = await installation.interrupt();
  traces.set("what `tenantry up` said", ended.stdout + ended.stderr);
  await collectFiles(installation.dataDir);
});
afterAll(() => installation?.[Symbol.asyncDispose]());

async function collectOwnSecrets(): Promise<void> {
  const { operator, dataDir } = installation;
  secrets.set("the operator's key", operator.apiKey);
  secrets.set("the superuser's password", decodeURIComponent(new URL(operator.databaseUrl).password));
  secrets.set("the master key", (await readFile(path.join(dataDir, "master.key"), "utf8")).trim());
  const keys = installation.processes().map(({ pid }) => environmentOf(pid).TENANTRY_APP_KEY);
  secrets.set("the key of Sites' process", keys.find((key) => key !== undefined)!);
}

let calls = 0;
async function call<Body = Record<string, never>>(
  method: string,
  pathname: string,
  body?: unknown,
): Promise<Body> {
  const reply = await installation.api.call<Body>(method, pathname, body, { prefer: "wait=60" });
  calls += 1;
  const text = JSON.stringify([...reply.headers]) + JSON.stringify(reply.body);
  traces.set(`answer ${calls} (${method} ${pathname}: ${reply.status})`, text);
  return reply.body;
}

/** A tenant's whole life, with everybody's passwords in it. */
async function liveOneLife(): Promise<void> {
  const secret = (what: string) => {
    secrets.set(what, `${what.replaceAll(/\W+/g, "-")}-8KzPq27v`);
    return secrets.get(what)!;
  };
  const admin = { email: "ann@example.com", password: secret("the admin's password") };
  await call("POST", "/v1/tenants", { slug: "acme", name: "Acme", admin });
  await call("POST", "/v1/tenants", {
    slug: "x",
    name: "",
    admin: { ...admin, password: secret("a refused password") },
  });
  await logIn(admin.email, admin.password);
  await logIn(admin.email, secret("a wrong password"));
  const bob = { email: "bob@example.com", role: "editor", password: secret("a user's password") };
  const { id } = await call<{ id: string }>("POST", "/v1/tenants/acme/users", bob);
  await call("PATCH", `/v1/tenants/acme/users/${id}`, { password: secret("a new password") });
  await call("POST", "/v1/servers", {
    name: "second",
    url: `postgres://me:${secret("a server's password")}@127.0.0.1:9/postgres`,
  });
  await call("POST", "/v1/apps", {
    slug: "shop",
    upstreamUrl: "http://127.0.0.1:9",
    migrations: [],
    variables: { PAYMENTS_TOKEN: secret("a variable of a release") },
  });
  await call("GET", "/v1/apps/shop");
  await useApplicationKeys();
  await call("PATCH", "/v1/tenants/acme/settings", { maxUsers: 7 });
  await call("PATCH", "/v1/tenants/acme", { slug: "acme-two" });
  await call("POST", "/v1/tenants/acme-two/suspend", { reason: "overdue" });
  await call("POST", "/v1/tenants/acme-two/resume");
  await readEverything();
  await collectRegistry("while it lived");
  await call("DELETE", "/v1/tenants/acme-two?now=true");
  await readEverything();
  await collectRegistry("after its end");
  ({ items: events } = await call<{ items: CloudEvent[] }>("GET", "/v1/events?limit=200"));
}

/** As a browser does, through the gateway and Sites. */
async function logIn(email: string, password: string): Promise<void> {
  const page = await installation.visit("acme", "/admin/login");
  const csrf = /name="csrf"[^>]*value="([^"]*)"/.exec(page.body)?.[1] ?? "";
  const reply = await installation.visit("acme", "/admin/login", {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      origin: `http://acme.localhost:${installation.gatewayPort}`,
      "sec-fetch-site": "same-origin",
    },
    body: new URLSearchParams({ email, password, csrf }).toString(),
  });
  expect([303, 401]).toContain(reply.status);
  const token = /=([^;]{20,});/.exec(String(reply.headers["set-cookie"] ?? ""))?.[1];
  if (token) secrets.set("a session's token", token);
}

/** These two answers are there to hand secrets out, once. */
async function useApplicationKeys(): Promise<void> {
  const made = await installation.api.call<{ key: string }>("POST", "/v1/keys", {
    kind: "app",
    name: "test",
    app: "sites",
  });
  secrets.set("an application's key", made.body.key);
  const reply = await fetch(`${installation.operator.url}/v1/runtime/snapshot`, {
    headers: { authorization: `Bearer ${made.body.key}` },
  });
  const { environments } = (await reply.json()) as { environments: { database: { url: string } }[] };
  const { password } = new URL(environments[0]!.database.url);
  secrets.set("the password of the tenant's database role", decodeURIComponent(password));
}

async function readEverything(): Promise<void> {
  for (const list of [
    "tenants",
    "apps",
    "operations?internal=true",
    "servers",
    "keys",
    "settings",
    "events",
  ]) {
    await call("GET", `/v1/${list}`);
  }
  const metrics = await fetch(`${installation.operator.url}/metrics`);
  traces.set("the metrics", await metrics.text());
}

/** Every column of every row; bytes show as hexadecimal digits. */
async function collectRegistry(when: string): Promise<void> {
  const tables = await installation.sql<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'tenantry'::regnamespace and relkind in ('r', 'p')",
  );
  for (const { name } of tables) {
    const rows = await installation.sql<{ row: string }>(`select t::text as row from tenantry.${name} t`);
    traces.set(`the table ${name} ${when}`, rows.map(({ row }) => row).join("\n"));
  }
}

/** What is kept apart: the secrets' own places, and the embedded server's files, which the registry's rows stand for. */
const ownPlaces = ["master.key", "operator.json", "postgres/password", "postgres/cluster"];

async function collectFiles(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name);
    const relative = path.relative(installation.dataDir, file);
    if (ownPlaces.includes(relative)) continue;
    if ((await stat(file)).isDirectory()) await collectFiles(file);
    else traces.set(`the file ${relative}`, await readFile(file, "latin1"));
  }
}

/** As it is, and as it would stand in JSON, a URL, a row's bytes or a header; of a key in base64 its bytes as well. */
function formsOf(secret: string): string[] {
  const forms = [secret, encodeURIComponent(secret)];
  for (const bytes of [Buffer.from(secret), Buffer.from(secret, "base64")]) {
    if (bytes.length >= 16)
      forms.push(...["hex", "base64url", "latin1"].map((form) => bytes.toString(form as "hex")));
  }
  return [...forms, Buffer.from(secret).toString("base64").replace(/=+$/, "")];
}

describe("after a tenant's whole life", () => {
  it("no secret stands in the log, the registry, the API's answers or any file but its own", () => {
    expect(ended.code).toBe(0);
    expect(secrets.size).toBe(14);
    for (const [what, secret] of secrets) expect(secret?.length, what).toBeGreaterThanOrEqual(16);
    expect(traces.get("the file logs/tenantry.log")?.length).toBeGreaterThan(10_000);
    const found = [...secrets].flatMap(([what, secret]) =>
      [...traces]
        .filter(([, text]) => formsOf(secret).some((form) => text.includes(form)))
        .map(([where]) => `${what}: ${where}`),
    );
    expect(found).toEqual([]);
  });

  it("the search would find one: what isn't secret is found in each kind of place", () => {
    const where = [...traces].filter(([, text]) => text.includes("acme")).map(([name]) => name);
    expect(where).toContain("the table tenants while it lived");
    expect(where).toContain("the file logs/tenantry.log");
    expect(where.some((name) => name.startsWith("answer"))).toBe(true);
  });

  it("its events tell it in order, each as the catalogue says", () => {
    const names = events.map(({ type }) => type.slice(eventTypePrefix.length) as keyof typeof eventCatalogue);
    const ofTenant = names.filter((name) => name.startsWith("tenant."));
    expect(ofTenant).toEqual([
      ...["tenant.requested", "tenant.activated", "tenant.settings-changed"],
      ...["tenant.updated", "tenant.suspended", "tenant.resumed", "tenant.deleting", "tenant.purging"],
      "tenant.deleted",
    ]);
    expect(names).toContain("app.released");
    for (const [at, { data }] of events.entries()) eventCatalogue[names[at]!].data.parse(data);
  });
});

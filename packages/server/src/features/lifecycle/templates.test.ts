import { createHash, randomBytes } from "node:crypto";
import type { OperationReply, TemplateDefinition, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { newId } from "../../kernel/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { fresh } from "../../testing/fresh.ts";
import { insertTestApp } from "../../testing/tenants.ts";
import { deleteUnusedChunks } from "../templates/index.ts";

let composed: Composed;
beforeAll(async () => {
  composed = await composedApi();
  const { db } = composed.registry;
  const shopId = await insertTestApp(db, "shop");
  await inTransaction(db, async (tx) => {
    for (const appId of [composed.sitesId, shopId]) {
      const releaseId = newId();
      await sql`
        insert into releases (id, app_id, number, upstream_url, schema_version)
        values (${releaseId}, ${appId}, 1, 'http://127.0.0.1:1', 0)
      `.execute(tx);
      await sql`update apps set current_release_id = ${releaseId} where id = ${appId}`.execute(tx);
    }
  });
});
afterAll(() => composed.close());

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

async function call(method: Method, path: string, payload?: object) {
  const reply = await composed.api.inject({
    ...{ method, url: `/v1${path}` },
    headers: composed.asOperator,
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, body: reply.body === "" ? undefined : reply.json() };
}

async function upload(bytes: Buffer, name = createHash("sha256").update(bytes).digest("hex")) {
  const headers = { ...composed.asOperator, "content-type": "application/octet-stream" };
  const url = `/v1/template-chunks/${name}`;
  const reply = await composed.api.inject({ method: "PUT", url, headers, payload: bytes });
  return { status: reply.statusCode, name };
}

/** One file of SQL, uploaded. */
async function uploaded(text = `select '${fresh("something")}'`) {
  const { name } = await upload(Buffer.from(text));
  return { name: "data.sql", size: Buffer.byteLength(text), chunks: [name] };
}

async function template(definition: TemplateDefinition = {}): Promise<string> {
  const name = fresh("agency");
  const made = await call("POST", "/templates", { name, ...definition });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return name;
}

async function create(more: object): Promise<{ status: number; body: OperationReply; slug: string }> {
  const slug = fresh("made");
  return { ...(await call("POST", "/tenants", { slug, name: "Made", ...more })), slug };
}

const show = async (slug: string) => (await call("GET", `/tenants/${slug}`)).body as TenantReply;
const stepsOf = ({ steps }: OperationReply) => steps.map(({ name }) => name);
const pointers = (body: { errors?: { pointer: string }[] }) => body.errors?.map(({ pointer }) => pointer);

it("a template is made, shown, listed, changed by revisions and deleted [REG-11]", async () => {
  const data = [await uploaded()];
  const files = [{ key: "media/a", contentType: "image/png", size: 0, chunks: [] }];
  const name = await template({ plan: "gold", data, files });
  const shown = await call("GET", `/templates/${name}`);
  expect(shown.body).toMatchObject({
    ...{ name, app: "sites", revision: 1, newestRevision: 1, dataFiles: 1, files: 1, tenants: 0 },
    configuration: { plan: "gold" },
    data: [{ name: "data.sql" }],
    storage: [{ key: "media/a", contentType: "image/png" }],
  });
  expect((await call("POST", "/templates", { name })).body.code).toBe("name_taken");
  expect((await call("PUT", `/templates/${name}`, { plan: "silver" })).body).toMatchObject({ revision: 2 });
  const first = await call("GET", `/templates/${name}?revision=1`);
  expect(first.body).toMatchObject({ revision: 1, newestRevision: 2, configuration: { plan: "gold" } });
  const listed = await call("GET", "/templates?app=sites&limit=200");
  expect(listed.body.items).toContainEqual(expect.objectContaining({ name, revision: 2, dataFiles: 0 }));
  expect((await call("DELETE", `/templates/${shown.body.id}`)).status).toBe(204);
  expect((await call("GET", `/templates/${name}`)).body.code).toBe("template_not_found");
});

it("contents that aren't there are named, and those that aren't what they are called are refused", async () => {
  const missing = createHash("sha256").update(randomBytes(9)).digest("hex");
  const data = [{ name: "a.sql", size: 9, chunks: [missing] }];
  const refused = await call("POST", "/templates", { name: fresh("missing"), data });
  expect([refused.status, refused.body.code, refused.body.missing]).toEqual([
    422,
    "contents_missing",
    [missing],
  ]);
  expect((await upload(Buffer.from("other"), missing)).status).toBe(422);
  expect((await upload(Buffer.alloc(0))).status).toBe(422);
  expect((await upload(Buffer.alloc(1_048_577))).status).toBe(413);
  const wrongSize = [{ ...(await uploaded()), size: 1 }];
  const other = await call("POST", "/templates", { name: fresh("size"), data: wrongSize });
  expect([other.status, pointers(other.body)]).toEqual([422, ["/data/0/size"]]);
});

it.each([
  ["a setting that a tenant can't have", { settings: { maxTenants: 5 } }, "/settings/maxTenants"],
  [
    "a value that a setting can't have",
    { settings: { maxPages: "{{ tenant.name }}" } },
    "/settings/maxPages",
  ],
  [
    "a placeholder that stands for nothing",
    { settings: { "app.a": ["{{ tenant.colour }}"] } },
    "/settings/app.a/0",
  ],
  ["a key that leads elsewhere", { files: [{ key: "../a", size: 0, chunks: [] }] }, "/files/0/key"],
  [
    "a key that stands there twice",
    { files: ["a", "a"].map((key) => ({ key, size: 0, chunks: [] })) },
    "/files/1/key",
  ],
])("%s is refused by its field", async (_what, definition, pointer) => {
  const { status, body } = await call("POST", "/templates", { name: fresh("wrong"), ...definition });
  expect([status, pointers(body)]).toEqual([422, [pointer]]);
});

it("one that is too large is refused before anything of it is sent", async () => {
  const file = (name: string, size: number) => ({ name, size, chunks: [] });
  for (const data of [
    [file("a.sql", 1_073_741_825)],
    ["a", "b", "c"].map((name) => file(name, 1_073_741_824)),
  ]) {
    const { status, body } = await call("POST", "/templates", { name: fresh("large"), data });
    expect([status, body.code]).toEqual([422, "template_too_large"]);
  }
});

it("a tenant has what its template says, and what its creation says goes before it", async () => {
  const name = await template({
    ...{ plan: "gold", groups: ["one"], timezone: "Europe/Berlin", isolation: { database: "schema" } },
    settings: { maxPages: 5, "app.hello": "Hello {{ tenant.name }}" },
  });
  const plain = await create({ template: name });
  expect(stepsOf(plain.body)).toContain("apply-configuration");
  expect(stepsOf(plain.body)).not.toContain("seed-data");
  expect(await show(plain.slug)).toMatchObject({
    ...{ plan: "gold", groups: ["one"], timezone: "Europe/Berlin", language: "en" },
    template: { name, revision: 1 },
  });
  const own = { plan: "tin", timezone: "UTC", settings: { maxPages: 6, "app.hello": 1 }, preset: "soft" };
  const other = await create({ template: name, ...own });
  // It sets all of them itself: nothing is left to do.
  expect(stepsOf(other.body)).not.toContain("apply-configuration");
  expect(await show(other.slug)).toMatchObject({ plan: "tin", groups: ["one"], timezone: "UTC" });
  const { rows } = await sql<{ level: string }>`
    select input #>> '{isolation,database}' as level from operations order by id desc limit 2
  `.execute(composed.registry.db);
  expect(rows.map(({ level }) => level)).toEqual(["shared", "schema"]);
});

it("a tenant without a template is made in the steps that there were before", async () => {
  const { body } = await create({});
  expect(stepsOf(body)).toEqual([
    ...["register", "create-database", "initialise-storage", "prepare-cache", "configure-domain"],
    ...["create-admin", "activate"],
  ]);
});

it("a tenant is made from the revision named, or the newest; existing ones keep what they came from", async () => {
  const name = await template({ plan: "one" });
  const before = await create({ template: name });
  await call("PUT", `/templates/${name}`, { plan: "two" });
  const plans = [];
  for (const wanted of [name, `${name}@1`, `${name}@2`])
    plans.push((await show((await create({ template: wanted })).slug)).plan);
  expect(plans).toEqual(["two", "one", "two"]);
  expect(await show(before.slug)).toMatchObject({ plan: "one", template: { name, revision: 1 } });
  const refused = await create({ template: `${name}@3` });
  expect([refused.status, pointers(refused.body as never)]).toEqual([422, ["/template"]]);
});

it("a template is for one application's tenants alone", async () => {
  const name = await template({ app: "shop" });
  expect(await show((await create({ template: name })).slug)).toMatchObject({ app: "shop" });
  const refused = await create({ template: name, app: "sites" });
  expect([refused.status, pointers(refused.body as never)]).toEqual([422, ["/template"]]);
});

it("an application's default is for whoever names none, and stays as long as it is one", async () => {
  const name = await template({ plan: "gold", app: "shop" });
  await call("PATCH", "/settings", { defaultTemplates: { shop: name } });
  try {
    const made = async (more: object) => (await show((await create(more)).slug)).template?.name ?? null;
    expect(await made({ app: "shop" })).toBe(name);
    expect(await made({ app: "shop", template: null })).toBeNull();
    expect(await made({ app: "sites" })).toBeNull();
    expect((await call("DELETE", `/templates/${name}`)).body.code).toBe("template_in_use");
  } finally {
    await call("PATCH", "/settings", { defaultTemplates: null });
  }
});

it("a template isn't deleted while a tenant is being made from it; after that its tenants remember it", async () => {
  const { db } = composed.registry;
  const name = await template({ data: [await uploaded()] });
  const { slug, body } = await create({ template: name });
  expect(stepsOf(body)).toContain("seed-data");
  const refused = await call("DELETE", `/templates/${name}`);
  expect([refused.status, refused.body.code]).toEqual([409, "template_in_use"]);
  await sql`
    update operations set ended_at = now(), status = 'succeeded'
    where tenant_id = (select id from tenants where slug = ${slug})
  `.execute(db);
  expect((await call("DELETE", `/templates/${name}`)).status).toBe(204);
  expect(await show(slug)).toMatchObject({ template: { name, revision: 1 } });
  // What it remembers isn't the first revision of another one.
  const again = await call("POST", "/templates", { name });
  expect(again.body).toMatchObject({ revision: 2, tenants: 1 });
});

it("of a template's deletion and a creation from it at once, no tenant is left without", async () => {
  for (let round = 0; round < 5; round += 1) {
    const name = await template({ data: [await uploaded()] });
    const [created, deleted] = await Promise.all([
      create({ template: name }),
      call("DELETE", `/templates/${name}`),
    ]);
    expect([
      [202, 409],
      [422, 204],
    ]).toContainEqual([created.status, deleted.status]);
  }
});

it("contents stay as long as a revision needs them, and a day beyond", async () => {
  const { db } = composed.registry;
  const [kept, lone] = [await uploaded(), await uploaded()];
  const name = await template({ data: [kept] });
  const isThere = async ({ chunks }: { chunks: string[] }) => {
    const { rows } = await sql`select from template_chunks where sha256 = ${chunks[0]!}`.execute(db);
    return rows.length === 1;
  };
  await deleteUnusedChunks(db, 1_000);
  expect(await isThere(lone)).toBe(true);
  await sql`update template_chunks set used_at = now() - interval '2 days'`.execute(db);
  await deleteUnusedChunks(db, 1_000);
  expect([await isThere(kept), await isThere(lone)]).toEqual([true, false]);
  await call("DELETE", `/templates/${name}`);
  await deleteUnusedChunks(db, 1_000);
  expect(await isThere(kept)).toBe(false);
});

import type { TenantReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { levelsToMove, planTenant } from "./plan.ts";
import { readManifests } from "./read.ts";
import { changeBody, creationBody, settingsBody } from "./requests.ts";
import { declare, writeManifest } from "./write.ts";

const placements = {
  database: { level: "schema" },
  storage: { level: "prefix" },
  cache: { driver: "memory" },
  compute: null,
};
const acme: TenantReply = {
  id: "tnt_1",
  slug: "acme",
  clientId: null,
  name: "Acme",
  status: "active",
  statusReason: null,
  app: "sites",
  plan: "pro",
  region: null,
  groups: ["b", "a"],
  parentId: "tnt_0",
  parent: "group",
  visibleToParent: false,
  template: null,
  inherited: { plan: null, logoUrl: null },
  timezone: "UTC",
  language: "en",
  logoUrl: null,
  deleteAt: null,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  environments: [
    { id: "env_1", name: "production", status: "active", url: "", maintenance: null, placements },
  ],
};
const suspended: TenantReply = { ...acme, status: "suspended", statusReason: "no: really" };
const own = { maxUsers: 20, "app.theme": { dark: true } };

it.each([acme, suspended])("plans nothing for what was exported ($status)", (tenant) => {
  const text = writeManifest([declare(tenant, { settings: own, domains: [] })]);
  const { tenants, mistakes } = readManifests([{ name: "export", text }]);
  expect(mistakes).toEqual([]);
  const plan = planTenant(tenants[0]!, { tenant, settings: own });
  expect(plan).toEqual({ slug: "acme", actions: [], changes: [], refusals: [] });
  expect(writeManifest(tenants)).toBe(text);
});

it("writes what a tenant hasn't as null or false, so that it is taken away again where somebody gives it", () => {
  const bare = { ...acme, plan: null, groups: [], parentId: null, parent: null };
  const written = declare(bare, { settings: {}, templateSettings: ["maxPages"], domains: [] });
  expect(written).toMatchObject({ plan: null, region: null, groups: [], parent: null, template: null });
  expect(written).toMatchObject({ logoUrl: null, settings: { maxPages: null }, suspended: false });
  expect(written).not.toHaveProperty("clientId");
  const given = { ...acme, ...{ status: "suspended", statusReason: "unpaid", region: "eu" } };
  const plan = planTenant(written, { tenant: given, settings: { maxPages: 7 } });
  expect(plan.changes.map(({ field }) => field)).toEqual(
    expect.arrayContaining(["plan", "region", "groups", "parent", "settings.maxPages", "suspended"]),
  );
  expect(creationBody({ slug: "acme", name: "Acme", template: null })).toHaveProperty("template", null);
});

it("changes what differs, takes away what is null, and leaves alone what is left out", () => {
  const declared = { slug: "acme", name: "Acme Ltd", plan: null, settings: { maxUsers: null, maxPages: 7 } };
  const plan = planTenant(declared, { tenant: acme, settings: own });
  expect(plan.actions).toEqual(["change"]);
  expect(plan.changes).toEqual([
    { field: "name", from: "Acme", to: "Acme Ltd" },
    { field: "plan", from: "pro", to: null },
    { field: "settings.maxUsers", from: 20, to: null },
    { field: "settings.maxPages", from: null, to: 7 },
  ]);
  expect(changeBody(plan)).toEqual({ name: "Acme Ltd", plan: null });
  expect(settingsBody(plan)).toEqual({ maxUsers: null, maxPages: 7 });
});

it("says again with another parent that it may see the tenant, or tells that it can't", () => {
  const move = (visibleToParent: boolean | undefined) => {
    const declared = {
      slug: "acme",
      name: "Acme",
      parent: "other",
      ...(visibleToParent && { visibleToParent }),
    };
    return changeBody(planTenant(declared, { tenant: { ...acme, visibleToParent: true }, settings: {} }));
  };
  expect(move(true)).toEqual({ parentId: "other", visibleToParent: true });
  expect(move(undefined)).toEqual({ parentId: "other", visibleToParent: false });
});

it("gives a tenant another parent, or none", () => {
  const move = (parent: string | null) => {
    const plan = planTenant({ slug: "acme", name: "Acme", parent }, { tenant: acme, settings: {} });
    return { changes: plan.changes, body: changeBody(plan) };
  };
  expect(move("other").body).toEqual({ parentId: "other" });
  expect(move(null).body).toEqual({ parentId: null });
  expect(move("group").changes).toEqual([]);
  expect(creationBody({ slug: "acme", name: "Acme", parent: "group" })).toMatchObject({ parentId: "group" });
});

it("creates what isn't there, suspended if that is declared", () => {
  const declared = {
    slug: "acme",
    name: "Acme",
    plan: null,
    settings: { maxUsers: null },
    suspended: "unpaid",
  };
  expect(planTenant(declared, undefined).actions).toEqual(["create", "suspend"]);
  expect(creationBody(declared)).toEqual({ slug: "acme", name: "Acme", settings: {} });
});

it.each([
  [acme, "unpaid", ["suspend"]],
  [acme, true, ["suspend"]],
  [acme, false, []],
  [suspended, "unpaid", ["suspend"]],
  [suspended, true, []],
  [suspended, false, ["resume"]],
  [suspended, undefined, []],
])("suspends and resumes as declared (%#)", (tenant, wanted, actions) => {
  const plan = planTenant({ slug: "acme", name: "Acme", suspended: wanted }, { tenant, settings: {} });
  expect(plan.actions).toEqual(actions);
});

it("refuses what is decided when a tenant is made, and those that are going or failed", () => {
  const refusals = (more: object, tenant: Partial<TenantReply> = {}) =>
    planTenant(
      { slug: "acme", name: "Acme", ...more },
      { tenant: { ...acme, ...tenant }, settings: {} },
    ).refusals.map(({ field }) => field);
  expect(refusals({ app: "notes", clientId: "other" })).toEqual(["app", "clientId"]);
  for (const status of ["failed", "deleting", "purging"])
    expect(refusals({}, { status })).toEqual(["status"]);
});

it.each([
  [null, undefined, true],
  [null, "agency", false],
  ["agency", "agency", true],
  ["agency", "agency@3", true],
  ["agency", "agency@2", false],
  ["agency", "other", false],
  ["agency", null, false],
])("made from %s, it fits the declared template %s: %s", (name, wanted, fits) => {
  const tenant = { ...acme, template: name === null ? null : { name, revision: 3 } };
  const plan = planTenant({ slug: "acme", name: "Acme", template: wanted }, { tenant, settings: {} });
  expect(plan.refusals.map(({ field }) => field)).toEqual(fits ? [] : ["template"]);
});

it("waits for what is being made", () => {
  const tenant = { ...acme, status: "provisioning" };
  expect(planTenant({ slug: "acme", name: "Acme" }, { tenant, settings: {} }).actions).toEqual(["wait"]);
});

it("moves a tenant whose database, files or cache are to have another level, and leaves one alone that has it", () => {
  const plan = (more: object) =>
    planTenant({ slug: "acme", name: "Acme", ...more }, { tenant: acme, settings: {} });
  const { database, storage } = acme.environments[0]!.placements;
  const [level, files] = [database!.level, storage!.level];
  const other = level === "shared" ? "schema" : "shared";
  expect(plan({ isolation: { database: other, storage: "bucket", cache: "user" } })).toMatchObject({
    actions: ["move"],
    changes: [
      { field: "isolation.database", from: level, to: other },
      { field: "isolation.storage", from: files, to: "bucket" },
      { field: "isolation.cache", from: "prefix", to: "user" },
    ],
    refusals: [],
  });
  expect(plan({ isolation: { database: level, storage: files, cache: "prefix" } }).actions).toEqual([]);
});

it("asks for the levels that change, and for what a preset says of compute", () => {
  const declared = { slug: "acme", name: "Acme", isolation: { storage: "own" as const } };
  const asked = (more: object) => {
    const wanted = { ...declared, ...more };
    return levelsToMove(wanted, planTenant(wanted, { tenant: acme, settings: {} }));
  };
  expect(asked({})).toEqual({ storage: "own" });
  expect(asked({ preset: "medium" })).toMatchObject({ storage: "own", cache: "user", compute: "process" });
});

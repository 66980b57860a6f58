import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { createSettings } from "./index.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(async () => registry.close());

const tenantId = "01890a5d-ac96-774b-bcce-b302099a8057";
const by = { changedBy: "test" };

describe("settings [REG-7]", () => {
  it("come from the nearest layer: tenant, platform, default", async () => {
    const { db } = registry;
    await sql`truncate settings`.execute(db);
    const settings = createSettings({});
    expect(await settings.get(db, "maxPages", { tenantId })).toBe(100);
    await inTransaction(db, (tx) => settings.change(tx, { scope: "platform" }, { maxPages: 50 }, by));
    expect(await settings.get(db, "maxPages", { tenantId })).toBe(50);
    const layer = { scope: "tenant", scopeId: tenantId } as const;
    await inTransaction(db, (tx) => settings.change(tx, layer, { maxPages: 7, "app.homeSlug": "start" }, by));
    expect(await settings.get(db, "maxPages", { tenantId })).toBe(7);
    expect(await settings.get(db, "maxPages")).toBe(50);
    const listed = await settings.list(db, { tenantId });
    expect(listed.find((one) => one.key === "app.homeSlug")).toMatchObject({
      value: "start",
      source: "tenant",
    });
    await inTransaction(db, (tx) => settings.change(tx, layer, { maxPages: null }, by));
    expect(await settings.get(db, "maxPages", { tenantId })).toBe(50);
  });

  it("that the environment fixes win over the registry, and can't be changed there", async () => {
    const { db } = registry;
    const open = createSettings({});
    await inTransaction(db, (tx) => open.change(tx, { scope: "platform" }, { maxTenants: 3 }, by));
    const fixed = createSettings({ maxTenants: { value: 9, source: "environment variable" } });
    expect(await fixed.get(db, "maxTenants")).toBe(9);
    const change = inTransaction(db, (tx) => fixed.change(tx, { scope: "platform" }, { maxTenants: 4 }, by));
    await expect(change).rejects.toMatchObject({
      code: "invalid_request",
      details: { errors: [{ pointer: "/maxTenants", message: expect.stringContaining("MAX_TENANTS") }] },
    });
  });

  it("are all refused when one is wrong, each mistake named", async () => {
    const { db } = registry;
    const settings = createSettings({});
    const layer = { scope: "tenant", scopeId: tenantId } as const;
    const values = { maxPages: "many", maxTenants: 1, nonsense: true, "app.": 1, storageQuota: "2GB" };
    const change = inTransaction(db, (tx) =>
      settings.change(tx, layer, values, { ...by, pointer: "/settings" }),
    );
    await expect(change).rejects.toMatchObject({
      details: {
        errors: ["maxPages", "maxTenants", "nonsense", "app."].map((key) =>
          expect.objectContaining({ pointer: `/settings/${key}` }),
        ),
      },
    });
    const listed = await settings.list(db, { tenantId });
    expect(listed.find((one) => one.key === "storageQuota")).toMatchObject({ source: "default" });
  });

  it.each([
    [{ maxPages: "many" }, '"maxPages": This has to be a number.'],
    [{ maxPages: -1 }, '"maxPages": At least 0.'],
    [{ defaultIsolation: "none" }, '"defaultIsolation": One of shared, schema, database, dedicated, sqlite.'],
    [{ customDomains: "no" }, '"customDomains": This has to be true or false.'],
  ])("say in our words what is wrong with %o", async (values, sentence) => {
    const settings = createSettings({});
    const change = inTransaction(registry.db, (tx) => settings.change(tx, { scope: "platform" }, values, by));
    await expect(change).rejects.toMatchObject({ details: { errors: [{ message: sentence }] } });
  });

  it("hold at most 16 KiB each", async () => {
    const settings = createSettings({});
    const values = { "app.text": "x".repeat(20_000) };
    const change = inTransaction(registry.db, (tx) => settings.change(tx, { scope: "platform" }, values, by));
    await expect(change).rejects.toThrow("at most");
  });
});

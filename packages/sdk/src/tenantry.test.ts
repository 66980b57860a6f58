import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createTenantry,
  EnvironmentSuspended,
  EnvironmentUnavailable,
  EnvironmentUnknown,
  TenantContextMissing,
  type Tenantry,
  TenantTokenInvalid,
} from "./index.ts";
import { type TestInstallation, testInstallation } from "./testing/installation.ts";

const silent = { info() {}, warn() {} };
let installation: TestInstallation;
let tenantry: Tenantry;

beforeEach(async () => {
  installation = await testInstallation();
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log: silent });
});

afterEach(async () => {
  await tenantry.close();
  installation.stop();
});

const request = (token?: string) => ({ headers: token === undefined ? {} : { "tenantry-token": token } });

describe("tenants below", () => {
  const child = { slug: "labs", name: "Labs", status: "active", plan: null, url: null } as const;

  test("are asked for anew at each call, in pages, for the tenant whose turn it is", async () => {
    const [group, other] = [installation.addTenant("group"), installation.addTenant("other")];
    installation.children.set(group.id, [child, { ...child, slug: "shop" }]);
    const read = (id: string, page?: { limit?: number; cursor?: string }) =>
      tenantry.run(id, () => tenantry.tenants.children(page));
    expect(await read(group.id)).toMatchObject({ items: [child, { slug: "shop" }], nextCursor: null });
    expect(await read(group.id, { limit: 1, cursor: "1" })).toMatchObject({ items: [{ slug: "shop" }] });
    expect(await read(other.id)).toEqual({ items: [], nextCursor: null });
    installation.children.set(group.id, []);
    expect((await read(group.id)).items).toEqual([]);
  });

  test("a refusal has the API's code, and an API that is away is told as such", async () => {
    const { id } = installation.addTenant("group");
    const read = (cursor: string) => tenantry.run(id, () => tenantry.tenants.children({ cursor }));
    await expect(read("nonsense")).rejects.toMatchObject({ name: "TenantryError", code: "invalid_request" });
    installation.stop();
    await expect(read("0")).rejects.toMatchObject({ name: "RuntimeUnavailable" });
    await expect(async () => tenantry.tenants.children()).rejects.toThrow(TenantContextMissing);
  });

  test("whether there are any is known without asking, and live", async () => {
    const { id } = installation.addTenant("group");
    const has = () => tenantry.run(id, ({ tenant }) => tenant.hasChildren);
    expect(await has()).toBe(false);
    installation.change(id, { hasChildren: true });
    await expect.poll(has).toBe(true);
    expect(installation.asked.has(`environments/${id}/children`)).toBe(false);
  });
});

describe("resolve", () => {
  test("a request with a signed token gets its tenant's context", async () => {
    const acme = installation.addTenant("acme");
    const token = await installation.token(acme);
    const context = await tenantry.resolve({
      headers: new Headers({ "tenantry-token": token, "tenantry-request-id": "r-1" }),
    });
    expect(context.tenant).toMatchObject({ id: acme.tenantId, slug: "acme", name: "The acme company" });
    expect(context.environment).toEqual({ id: acme.id, name: "production", hostnames: ["acme.localhost"] });
    expect(context.requestId).toBe("r-1");
    expect(context.settings.get("colour")).toBe("green");
  });

  test("a request whose token is missing, forged or meant for others is refused with 401", async () => {
    const acme = installation.addTenant("acme");
    const other = installation.addTenant("other");
    const valid = await installation.token(acme);
    const wrong = {
      missing: undefined,
      empty: "",
      rubbish: "not.a.token",
      unsigned: `${Buffer.from('{"alg":"none"}').toString("base64url")}.${valid.split(".")[1]}.`,
      tampered: valid.slice(0, -6) + (valid.endsWith("AAAAAA") ? "BBBBBB" : "AAAAAA"),
      twice: `${valid}, ${valid}`,
      audience: await installation.token(acme, { aud: "app_another" }),
      issuer: await installation.token(acme, { iss: "https://elsewhere.test" }),
      expired: await installation.token(acme, { secondsAgo: 130 }),
      unknownKey: await installation.token(acme, { kid: "nobody" }),
      anotherTenants: await installation.token(acme, { env: other.id }),
    };
    for (const [what, token] of Object.entries(wrong)) {
      const error = await tenantry.resolve(request(token)).catch((reason: unknown) => reason);
      expect(error, what).toBeInstanceOf(TenantTokenInvalid);
      expect((error as TenantTokenInvalid).status, what).toBe(401);
    }
  });

  test("a clock that runs a few seconds behind the gateway's is tolerated", async () => {
    const acme = installation.addTenant("acme");
    const token = await installation.token(acme, { secondsAgo: 122 });
    expect((await tenantry.resolve(request(token))).tenant.slug).toBe("acme");
  });

  test("a key that the gateway began to sign with a moment ago is learnt of", async () => {
    const acme = installation.addTenant("acme");
    await tenantry.ready();
    await installation.rotateKey();
    expect((await tenantry.resolve(request(await installation.token(acme)))).tenant.slug).toBe("acme");
  });

  test("a tenant that is newer than the snapshot is learnt of instead of refused", async () => {
    await tenantry.ready();
    const acme = installation.addTenant("acme");
    expect((await tenantry.resolve(request(await installation.token(acme)))).tenant.slug).toBe("acme");
  });

  test("an environment in a state that allows no work gets the error that says so", async () => {
    const cases = [
      [{ tenantStatus: "suspended" }, EnvironmentSuspended, 503],
      [{ tenantStatus: "provisioning" }, EnvironmentUnavailable, 503],
      [{ tenantStatus: "deleting" }, EnvironmentUnknown, 404],
      [{ status: "maintenance" }, EnvironmentUnavailable, 503],
      [{ status: "removed" }, EnvironmentUnknown, 404],
    ] as const;
    for (const [index, [change, kind, status]] of cases.entries()) {
      const environment = installation.addTenant(`tenant-${index}`, change);
      const error = await tenantry
        .resolve(request(await installation.token(environment)))
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ status });
      const job = tenantry.run(environment.id, async () => "worked");
      await expect(job, "a job").rejects.toBeInstanceOf(kind);
    }
  });
});

describe("context", () => {
  test("without a tenant everything fails with an error that says what to do", async () => {
    expect(() => tenantry.current()).toThrow(TenantContextMissing);
    expect(() => tenantry.current()).toThrow(/tenantry\.run\(environmentId, work\)/);
    expect(() => tenantry.settings.get("colour")).toThrow(TenantContextMissing);
    await expect(tenantry.auth.user("x".repeat(43))).rejects.toThrow(TenantContextMissing);
  });

  test("run enters a tenant for a job, and leaves it afterwards", async () => {
    const acme = installation.addTenant("acme");
    const slug = await tenantry.run(acme.id, async (context) => {
      await pause(1);
      expect(tenantry.current()).toBe(context);
      return tenantry.current().tenant.slug;
    });
    expect(slug).toBe("acme");
    expect(() => tenantry.current()).toThrow(TenantContextMissing);
  });

  test("log lines learn whose they are, and stay silent where there is no tenant", async () => {
    const acme = installation.addTenant("acme");
    const headers = { "tenantry-token": await installation.token(acme), "tenantry-request-id": "r-1" };
    const context = await tenantry.resolve({ headers });
    const expected = { tenantId: acme.tenantId, environmentId: acme.id, requestId: "r-1" };
    expect(await tenantry.run(context, () => tenantry.logFields())).toEqual(expected);
    expect(tenantry.logFields()).toEqual({});
  });

  test("an inner run wins while it lasts", async () => {
    const [acme, other] = [installation.addTenant("acme"), installation.addTenant("other")];
    const seen = await tenantry.run(acme.id, async () => {
      const inner = await tenantry.run(other.id, () => tenantry.current().tenant.slug);
      return [inner, tenantry.current().tenant.slug];
    });
    expect(seen).toEqual(["other", "acme"]);
  });

  test("run refuses an environment that nobody knows", async () => {
    await expect(tenantry.run("env_nobody", () => 1)).rejects.toBeInstanceOf(EnvironmentUnknown);
  });

  test("a context that outlives its tenant's suspension can't be used any more, but still says whose it is", async () => {
    const acme = installation.addTenant("acme");
    const context = await tenantry.resolve(request(await installation.token(acme)));
    installation.change(acme.id, { tenantStatus: "suspended" });
    await expect.poll(() => outcome(() => context.settings.all())).toBeInstanceOf(EnvironmentSuspended);
    await expect(context.auth.user("x".repeat(43))).rejects.toBeInstanceOf(EnvironmentSuspended);
    expect(context.tenant.slug).toBe("acme");
  });

  test("a changed setting is seen by a context that exists already", async () => {
    const acme = installation.addTenant("acme");
    const context = await tenantry.resolve(request(await installation.token(acme)));
    installation.change(acme.id, { settings: { colour: "blue" } });
    await expect.poll(() => context.settings.get("colour")).toBe("blue");
    expect(context.settings.get("unset", "fallback")).toBe("fallback");
    expect(context.settings.get("toString")).toBeUndefined();
  });
});

describe("options", () => {
  test("a missing address or key is said in one sentence", () => {
    expect(() => createTenantry({ appKey: "key" })).toThrow(/^TENANTRY_URL isn't set: .*\.$/);
    expect(() => createTenantry({ url: "http://127.0.0.1:1" })).toThrow(/^TENANTRY_APP_KEY isn't set: .*\.$/);
    expect(() => createTenantry({ url: "nonsense", appKey: "key" })).toThrow(
      /should be an http or https address/,
    );
  });

  test("after close nothing is sent, and calls fail instead of waiting", async () => {
    const acme = installation.addTenant("acme");
    await tenantry.run(acme.id, () => 1);
    await tenantry.close();
    await expect(tenantry.run(acme.id, () => 1)).rejects.toThrow("closed");
    await expect(tenantry.ready()).rejects.toThrow("closed");
    await expect(tenantry.run("env_x", () => 1)).rejects.toThrow("closed");
  });
});

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

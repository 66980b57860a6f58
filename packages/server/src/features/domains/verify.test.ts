import type { DomainReply } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestDns, testDns } from "../../testing/powerdns.ts";
import { insertTestTenant } from "../../testing/tenants.ts";
import { addSystemRoute } from "../routing/index.ts";
import { recheckDomains } from "./index.ts";

let dns: TestDns;
let composed: Composed;
beforeAll(async () => {
  dns = await testDns();
  dns.zone("acme.com");
  dns.zone("tenants.io");
  composed = await composedApi({ dnsServers: dns.address, rootDomain: "tenants.io" });
  await insertTestTenant(composed.registry.db, composed.sitesId, "globex");
  const { environmentId, slug } = composed.tenant;
  await inTransaction(composed.registry.db, (tx) =>
    addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain: "tenants.io" }),
  );
});
afterAll(async () => {
  await composed?.close();
  await dns?.stop();
});

type Method = "GET" | "POST" | "PATCH" | "DELETE";

async function ask(
  method: Method,
  path: string,
  payload?: object,
): Promise<{ status: number; body: DomainReply }> {
  const url = `/v1/tenants/${path}`;
  const reply = await composed.api.inject({
    ...{ method, url, headers: composed.asOperator },
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, body: (reply.body === "" ? undefined : reply.json()) as DomainReply };
}

async function claim(tenant = "acme", hostname = `${fresh("shop")}.acme.com`): Promise<DomainReply> {
  const { status, body } = await ask("POST", `${tenant}/domains`, { hostname });
  expect(status).toBe(201);
  return body;
}

const challenge = ({ records }: DomainReply) => records.find(({ type }) => type === "TXT")!;
const publish = (domain: DomainReply, value = challenge(domain).value) =>
  dns.add({ name: challenge(domain).name, type: "TXT", content: `"${value}"` });
const withdraw = (domain: DomainReply) => dns.remove(challenge(domain).name);
const verify = async ({ hostname }: DomainReply, tenant = "acme") =>
  (await ask("POST", `${tenant}/domains/${hostname}/verify`)).body;
const show = async ({ hostname }: DomainReply, tenant = "acme") =>
  (await ask("GET", `${tenant}/domains/${hostname}`)).body;

async function route({ hostname }: DomainReply): Promise<boolean> {
  const { rows } = await sql`select from routes where hostname = ${hostname}`.execute(composed.registry.db);
  return rows.length > 0;
}

async function eventsOf({ hostname }: DomainReply): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`
    select type from events where data ->> 'hostname' = ${hostname} order by version, ordinal
  `.execute(composed.registry.db);
  return rows.map(({ type }) => type.replace("domain.", ""));
}

const look = () =>
  recheckDomains(composed.domainParts, { log: silentLog, signal: new AbortController().signal });

/** Lets time go by for one domain: what is due at the end of it is due now. */
async function pass({ hostname }: DomainReply, time: string): Promise<void> {
  await sql`
    update domains set next_check_at = next_check_at - ${time}::interval, watched_since = watched_since - ${time}::interval,
      missing_since = missing_since - ${time}::interval where hostname = ${hostname}
  `.execute(composed.registry.db);
  await look();
}

const inSeconds = (moment: string | null) => (Date.parse(moment!) - Date.now()) / 1_000;

describe("a claim", () => {
  it("is proven by its TXT record, without anybody asking, within a minute", async () => {
    const domain = await claim();
    await look();
    const missing = await show(domain);
    expect(missing).toMatchObject({
      ...{ status: "pending", reason: "None of its records is found in DNS." },
      verification: { outcome: "missing", verifiedAt: null },
      records: [
        { type: "TXT", state: "missing", found: [] },
        { type: "CNAME", name: domain.hostname, value: "acme.tenants.io", ttl: 300, state: "missing" },
      ],
    });
    expect(inSeconds(missing.verification.nextCheckAt)).toBeLessThan(50);
    publish(domain);
    await pass(domain, "50 seconds");
    const proven = await show(domain);
    expect(proven).toMatchObject({
      ...{ status: "active", reason: null },
      verification: { method: "txt", outcome: "proven" },
      records: [{ state: "found" }, { state: "missing" }],
    });
    expect(inSeconds(proven.verification.nextCheckAt)).toBeGreaterThan(86_000);
    expect(await route(domain)).toBe(true);
    expect(await eventsOf(domain)).toEqual(["added", "verified"]);
  });

  it("is proven by being an alias of its tenant's host, at the end of a chain too, and after a new slug", async () => {
    const [slug, newSlug] = [fresh("moving"), fresh("moved")];
    const { environmentId } = await insertTestTenant(composed.registry.db, composed.sitesId, slug);
    await inTransaction(composed.registry.db, (tx) =>
      addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain: "tenants.io" }),
    );
    const domain = await claim(slug);
    const edge = `edge-${domain.hostname}`;
    dns.add({ name: domain.hostname, type: "CNAME", content: edge });
    dns.add({ name: edge, type: "CNAME", content: `${slug}.tenants.io` });
    expect(await verify(domain, slug)).toMatchObject({
      ...{ status: "active", verification: { method: "cname" } },
      records: [{ state: "missing" }, { state: "found", found: [edge, `${slug}.tenants.io`] }],
    });
    expect((await ask("PATCH", slug, { slug: newSlug })).status).toBe(200);
    expect(await verify(domain, newSlug)).toMatchObject({
      ...{ status: "active", verification: { outcome: "proven", missingSince: null } },
      records: [{}, { value: `${newSlug}.tenants.io` }],
    });
  });

  it("isn't proven by what belongs to somebody else, and says what was found", async () => {
    const domain = await claim();
    const other = await claim("globex", domain.hostname);
    publish(domain, challenge(other).value);
    dns.add({ name: domain.hostname, type: "CNAME", content: "globex.tenants.io" });
    const looked = await verify(domain);
    expect(looked).toMatchObject({
      status: "pending",
      records: [
        { state: "missing", found: [challenge(other).value] },
        { state: "missing", found: ["globex.tenants.io"] },
      ],
    });
  });

  it("is proven among many records, and by a value that kept its quotes", async () => {
    const [one, two] = [await claim(), await claim()];
    for (let number = 0; number < 30; number += 1) publish(one, `${number}${"x".repeat(150)}`);
    publish(one);
    publish(two, `\\"${challenge(two).value}\\"`);
    expect(await verify(one)).toMatchObject({ status: "active", records: [{ state: "found" }, {}] });
    expect(await verify(two)).toMatchObject({ status: "active" });
  });

  it("of two that are proven the first one counts, and the other says so", async () => {
    const mine = await claim();
    const theirs = await claim("globex", mine.hostname);
    publish(mine);
    publish(theirs);
    expect(await verify(theirs, "globex")).toMatchObject({ status: "active" });
    expect(await verify(mine)).toMatchObject({
      ...{ status: "pending", reason: "Another tenant has proven that it is its own." },
      verification: { outcome: "taken" },
    });
    await ask("DELETE", `globex/domains/${mine.hostname}`);
    expect(await verify(mine)).toMatchObject({ status: "active" });
  });

  it("is proven once, however many look at the same time", async () => {
    const mine = await claim();
    const theirs = await claim("globex", mine.hostname);
    publish(mine);
    publish(theirs);
    const looks = [0, 1, 2].flatMap(() => [verify(mine), verify(theirs, "globex"), look()]);
    await Promise.all(looks);
    const states = [await show(mine), await show(theirs, "globex")].map(({ status }) => status);
    expect(states.sort()).toEqual(["active", "pending"]);
    expect((await eventsOf(mine)).filter((name) => name === "verified")).toHaveLength(1);
  });

  it("waits longer the longer it is waited for, and anew once somebody asks", async () => {
    const domain = await claim();
    const pauseAfter = async (time: string) => {
      await pass(domain, time);
      return Math.round(inSeconds((await show(domain)).verification.nextCheckAt) / 10) * 10;
    };
    expect(await pauseAfter("2 days")).toBe(600);
    expect(await pauseAfter("8 days")).toBe(4 * 3_600);
    expect(await pauseAfter("30 days")).toBe(86_400);
    expect(inSeconds((await verify(domain)).verification.nextCheckAt)).toBeLessThan(50);
  });

  it("that was removed while DNS was looked at stays removed, and neither waits for the other", async () => {
    const deadlocks = async () => {
      const { rows } = await sql<{ count: number }>`
        select deadlocks::int as count from pg_stat_database where datname = current_database()
      `.execute(composed.registry.db);
      return rows[0]!.count;
    };
    const before = await deadlocks();
    for (let round = 0; round < 10; round += 1) {
      const domain = await claim();
      publish(domain);
      await Promise.all([verify(domain), ask("DELETE", `acme/domains/${domain.hostname}`)]);
      expect((await ask("GET", `acme/domains/${domain.hostname}`)).status).toBe(404);
      expect(await route(domain)).toBe(false);
    }
    expect(await deadlocks()).toBe(before);
  });
});

describe("a DNS server that is away", () => {
  it("says nothing about claims, nor about what was proven", async () => {
    const [waiting, proven] = [await claim(), await claim()];
    publish(proven);
    expect(await verify(proven)).toMatchObject({ status: "active" });
    await dns.kill();
    try {
      const unasked = { reason: expect.stringMatching(/^DNS couldn't be asked: /) };
      expect(await verify(waiting)).toMatchObject({
        ...{ status: "pending", verification: { outcome: "unavailable" }, ...unasked },
        records: [{ state: "unknown" }, { state: "unknown" }],
      });
      await pass(proven, "10 days");
      const looked = await show(proven);
      expect(looked).toMatchObject({
        ...{ status: "active", verification: { outcome: "unavailable", missingSince: null }, ...unasked },
      });
      expect(inSeconds(looked.verification.nextCheckAt)).toBeLessThan(3_700);
      expect(await eventsOf(proven)).toEqual(["added", "verified"]);
    } finally {
      await dns.start();
    }
    publish(waiting);
    await pass(waiting, "1 minute");
    expect(await show(waiting)).toMatchObject({ status: "active", reason: null });
  });

  it("for one of the records doesn't hide the other, which proves the domain", async () => {
    const domain = await claim();
    dns.add({ name: challenge(domain).name, type: "A", content: "not an address" });
    expect(await verify(domain)).toMatchObject({
      ...{
        status: "pending",
        reason: expect.stringMatching(/SERVFAIL/),
        verification: { outcome: "unavailable" },
      },
      records: [{ state: "unknown" }, { state: "missing" }],
    });
    dns.add({ name: domain.hostname, type: "CNAME", content: "acme.tenants.io" });
    expect(await verify(domain)).toMatchObject({
      status: "active",
      records: [{ state: "unknown" }, { state: "found" }],
    });
  });
});

describe("a proven domain whose record vanished", () => {
  it("is told of and goes on, and is as before once the record is back", async () => {
    const domain = await claim();
    publish(domain);
    await verify(domain);
    withdraw(domain);
    await pass(domain, "25 hours");
    const missing = await show(domain);
    expect(missing).toMatchObject({
      status: "active",
      reason: expect.stringMatching(/isn't found any more/),
    });
    expect(inSeconds(missing.verification.lapsesAt) / 86_400).toBeCloseTo(3, 1);
    expect(inSeconds(missing.verification.nextCheckAt)).toBeLessThan(3_700);
    await pass(domain, "2 hours");
    expect(await route(domain)).toBe(true);
    publish(domain);
    await pass(domain, "2 hours");
    expect(await show(domain)).toMatchObject({ reason: null, verification: { missingSince: null } });
    expect(await eventsOf(domain)).toEqual(["added", "verified", "record-missing", "record-found"]);
  });

  it("lapses after three days, is anybody's then, and can be proven anew", async () => {
    const domain = await claim();
    publish(domain);
    await verify(domain);
    withdraw(domain);
    await verify(domain);
    await pass(domain, "71 hours");
    expect(await show(domain)).toMatchObject({ status: "active" });
    await pass(domain, "2 hours");
    expect(await show(domain)).toMatchObject({
      ...{ status: "pending", verification: { method: null, verifiedAt: null, missingSince: null } },
    });
    expect(await route(domain)).toBe(false);
    expect((await ask("POST", "globex/domains", { hostname: domain.hostname })).status).toBe(201);
    publish(domain);
    await pass(domain, "1 minute");
    expect(await show(domain)).toMatchObject({ status: "active" });
    expect(await eventsOf(domain)).toEqual([
      ...["added", "verified", "record-missing", "lapsed", "added", "verified"],
    ]);
  });

  it("that an operator vouched for isn't looked at by itself, nor lapses when somebody looks", async () => {
    const domain = await claim();
    await ask("POST", `acme/domains/${domain.hostname}/verify`, { verified: true });
    await pass(domain, "10 days");
    expect(await show(domain)).toMatchObject({ verification: { checkedAt: null, nextCheckAt: null } });
    expect(await verify(domain)).toMatchObject({
      ...{ status: "active", verification: { method: "operator", nextCheckAt: null, missingSince: null } },
    });
  });
});

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { IsolationAttempt, OperationReply, SignedIsolationReport } from "@tenantry/contract";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { useInstallation } from "../support/use-installation.ts";
import { canaryRole, placeLeaks } from "./planted-leaks/places.ts";
import { type Ground, groundOf, type Leak, makeTenants, quoted } from "./planted-leaks/plant.ts";
import { sharedLeaks } from "./planted-leaks/shared.ts";

const installation = useInstallation();
let ground: Ground;
beforeAll(async () => {
  ground = groundOf(installation, await makeTenants(installation));
});

type Report = SignedIsolationReport["report"];

async function verify(body: object = {}): Promise<Report> {
  const { api } = installation;
  const { body: started } = await api.call<OperationReply>("POST", "/v1/isolation/verifications", body);
  expect(await api.ended(started.id)).toMatchObject({ status: "succeeded" });
  const reports = "/v1/isolation/reports";
  const { body: list } = await api.call<{ items: { id: string }[] }>(
    "GET",
    `${reports}?operation=${started.id}`,
  );
  return (await api.call<SignedIsolationReport>("GET", `${reports}/${list.items[0]!.id}`)).body.report;
}

const breaches = ({ attempts }: Report) => attempts.filter(({ outcome }) => outcome === "breach");

/** What was found while leaks stood that don't get in each other's way. They are mended in any case. */
async function whilePlanted(leaks: readonly Leak[]): Promise<IsolationAttempt[]> {
  // The canaries stand before: some leaks are planted in them.
  await verify({ sample: 0 });
  await using mends = new AsyncDisposableStack();
  for (const { plant } of leaks) {
    const mend = await plant(ground);
    mends.defer(async () => void (await mend()));
  }
  return breaches(await verify());
}

const found = new Map<number, Promise<IsolationAttempt[]>>();

/** One verification for all leaks of a group: each test asks for its own. */
function foundIn(leaks: readonly Leak[], group: number): Promise<IsolationAttempt[]> {
  const known = found.get(group);
  if (known !== undefined) return known;
  const all = whilePlanted(leaks.filter((leak) => leak.group === group));
  found.set(group, all);
  // A second try plants them again.
  all.catch(() => found.delete(group));
  return all;
}

describe("an installation in which nobody changed anything", () => {
  it("is found isolated at four levels within seconds, and only what would take a second application is skipped", async () => {
    const report = await verify();
    expect(breaches(report)).toEqual([]);
    expect(report.verdict).toBe("isolated");
    expect(report.scope.canaries).toEqual(["sites/database", "sites/schema", "sites/shared", "sites/sqlite"]);
    const skipped = report.attempts.filter(({ outcome }) => outcome === "skipped");
    expect([...new Set(skipped.map(({ probe, answer }) => `${probe}: ${answer}`))]).toEqual([
      "api.other-application: there is one application only",
      "jobs.other-application: there is one application only",
    ]);
    const paths = new Set(report.attempts.map(({ path: way }) => way));
    expect([...paths].sort()).toEqual(
      ["api", "cache", "database", "gateway", "jobs", "registry", "sessions", "storage"].sort(),
    );
    expect(Date.parse(report.endedAt) - Date.parse(report.startedAt)).toBeLessThan(30_000);
  });

  it("shows its canaries to nobody: no list, count, event or application has them", async () => {
    await verify({ sample: 0 });
    const canaries = await installation.sql("select from tenants where internal");
    expect(canaries).toHaveLength(8);
    const [counted] = await installation.sql("select tenant_count as count from installation");
    expect(counted).toEqual({ count: Object.keys(ground.tenants).length });
    for (const list of ["/v1/tenants", "/v1/events", "/v1/operations", "/v1/apps"]) {
      const { body } = await installation.api.call("GET", `${list}?limit=200`);
      expect(JSON.stringify(body)).not.toContain("tenantry-canary");
    }
    const told = await installation.sql(
      "select from events v join tenants t on t.id = v.tenant_id where t.internal",
    );
    expect(told).toEqual([]);
  });

  it("keeps nothing of a verification in hand: no session, no key", async () => {
    await verify({ sample: 0 });
    expect(await installation.sql("select from sessions")).toEqual([]);
    const keys = await installation.sql(
      "select from api_keys where name = 'isolation verification' and revoked_at is null",
    );
    expect(keys).toEqual([]);
  });

  it("can be asked about one tenant alone, of which the report shows nothing but its id", async () => {
    const { acme, globex } = ground.tenants;
    const { attempts, scope } = await verify({ tenant: "acme" });
    expect(scope.tenant).toBe(acme.id);
    const text = JSON.stringify(attempts);
    expect(text).toContain(acme.id);
    expect(text).not.toContain(globex.id);
    expect(text).not.toMatch(/The acme company|acme\.localhost/);
  });
});

describe("a leak in a database that tenants share is found and named with what to do:", () => {
  it.each(sharedLeaks)("$what", async ({ group, named, through = [] }) => {
    const all = await foundIn(sharedLeaks, group);
    const catalog = all.find(({ probe, answer }) => probe === "database.catalog" && named.test(answer));
    expect(catalog, JSON.stringify(all)).toBeDefined();
    expect(catalog!.remedy).not.toBe("Put it back as it was built, and look who changed it.");
    expect([...new Set(all.map(({ probe }) => probe))]).toEqual(expect.arrayContaining([...through]));
  });
});

describe("a leak elsewhere is found and named with what to do:", () => {
  it.each(placeLeaks)("$what", async ({ group, named, through = [] }) => {
    const all = await foundIn(placeLeaks, group);
    for (const probe of through) {
      const one = all.find((attempt) => attempt.probe === probe && named.test(attempt.answer));
      expect(one, JSON.stringify(all)).toBeDefined();
      expect(one!.remedy!.length).toBeGreaterThan(10);
    }
  });
});

describe("what should have been tried and couldn't be", () => {
  it("is never taken for refused: the command ends with 1, an event tells it, and status, doctor and metrics show it", async () => {
    await verify({ sample: 0 });
    const role = quoted(await canaryRole(ground, "database"));
    await ground.inDatabase("postgres", `alter role ${role} nologin`);
    const told = async () => (await installation.command(["doctor"])).stdout;
    try {
      const ran = await installation.command(["isolation", "verify", "--json"]);
      expect(ran.code, ran.stderr).toBe(1);
      const { report } = JSON.parse(ran.stdout) as SignedIsolationReport;
      expect(breaches(report)).toEqual([]);
      expect(report.verdict).toBe("incomplete");
      const failed = report.attempts.filter(({ outcome }) => outcome === "failed");
      expect(report.counts.failed).toBe(failed.length);
      expect(failed.map(({ probe }) => probe)).toContain("database.other-sessions");
      const events = "/v1/events?type=tenantry.isolation.incomplete&limit=200";
      const { body } = await installation.api.call<{ items: { data: { reportId: string } }[] }>(
        "GET",
        events,
      );
      expect(body.items.map(({ data }) => data.reportId)).toContain(report.id);
      expect((await installation.command(["status"])).stdout).toContain("incomplete");
      expect(await told()).toContain(report.id);
      const metrics = await (await fetch(`${installation.operator.url}/metrics`)).text();
      expect(metrics).toMatch(/tenantry_isolation_failed [1-9]/);
    } finally {
      await ground.inDatabase("postgres", `alter role ${role} login`);
    }
    expect((await verify()).verdict).toBe("isolated");
    expect(await told()).not.toContain("nobody knows whether");
  });
});

describe("a breach", () => {
  const { plant } = sharedLeaks.find(({ what }) => what.includes("switched off"))!;

  it("ends the command with 1 and is told as an event, by metrics, status and doctor until all was verified again", async () => {
    const mend = await plant(ground);
    const file = path.join(installation.directory, "report.json");
    try {
      const ran = await installation.command(["isolation", "verify", "--level", "shared", "--json"]);
      expect(ran.code, ran.stderr).toBe(1);
      await writeFile(file, ran.stdout);
      expect((await installation.command(["status"])).stdout).toContain("breached");
    } finally {
      await mend();
    }
    const { report, signature } = JSON.parse(await readFile(file, "utf8")) as SignedIsolationReport;
    const { body } = await installation.api.call<{ items: { data: { reportId: string } }[] }>(
      "GET",
      "/v1/events?type=tenantry.isolation.breached&limit=200",
    );
    expect(body.items.map(({ data }) => data.reportId)).toContain(report.id);
    const metrics = async () => (await fetch(`${installation.operator.url}/metrics`)).text();
    expect(await metrics()).toMatch(/tenantry_isolation_breaches [1-9]/);
    const doctor = async () => (await installation.command(["doctor"])).stdout;
    expect(await doctor()).toContain(report.id);
    const keys = await fetch(`${installation.operator.url}/.well-known/jwks.json`);
    expect(await keys.text()).toContain(signature.keyId);

    const again = await installation.command(["isolation", "verify"]);
    expect(again, again.stdout).toMatchObject({ code: 0 });
    expect(again.stdout).toContain("isolated");
    expect(await metrics()).toMatch(/tenantry_isolation_breaches 0/);
    expect(await doctor()).not.toContain(report.id);
  });
});

describe("the schedule", () => {
  const due = () => installation.sql("update schedules set due_at = now() where name = 'isolation'");
  const set = (hours: number | null) =>
    installation.api.call("PATCH", "/v1/settings", { isolationVerifyEveryHours: hours });
  /** Whoever looks at the date sleeps a minute at most; a start looks at once. */
  const restart = async () => {
    await due();
    await installation.kill();
    await installation.start();
  };

  it("verifies when the time has come, removes the canaries where it is switched off, and survives kill -9", async () => {
    await set(0.0001);
    const [last] = await installation.sql<{ id: string }>(
      "select max(id::text) as id from isolation_reports",
    );
    await restart();
    await eventually("a verification that nobody asked for leaves its report", async () => {
      const reports = await installation.sql(
        `select from isolation_reports r join operations o on o.id = r.operation_id
         where o.requested_by = 'schedule' and ($1::text is null or r.id::text > $1)`,
        [last?.id ?? null],
      );
      return reports.length > 0;
    });
    await set(0);
    await restart();
    await eventually("no canary is left", async () => {
      return (await installation.sql("select from tenants where internal")).length === 0;
    });
    await set(null);
  });
});

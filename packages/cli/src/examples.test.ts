import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { factsFor } from "./command.ts";
import { createProgram, everyCommand, fullName } from "./program.ts";
import { operationOf, sampleReply } from "./testing/api-description.ts";
import { type Answer, type Asked, startFakeApi } from "./testing/fake-api.ts";
import { operation } from "./testing/operations.ts";
import { run } from "./testing/run.ts";

/** Each thing that applying may do. */
const declared = `apiVersion: tenantry/v1
tenants:
  - { slug: initech, name: Initech, domains: [www.initech.com] }
  - { slug: umbrella, name: Umbrella, settings: { maxUsers: 20 }, suspended: unpaid }
  - { slug: hooli, name: text, suspended: false, domains: [new.hooli.com, { hostname: www.hooli.com, verified: true }] }
`;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-cli-examples-"));
  await mkdir(path.join(directory, "migrations"));
  await writeFile(path.join(directory, "migrations", "001_notes.sql"), "create table notes (id int);\n");
  await writeFile(path.join(directory, "tenants.yaml"), declared);
  await mkdir(path.join(directory, "agency", "files"), { recursive: true });
  await writeFile(path.join(directory, "agency", "pages.sql"), "insert into pages values (1);\n");
  await writeFile(path.join(directory, "agency", "files", "logo.png"), "not a picture");
  await writeFile(
    path.join(directory, "agency", "template.yaml"),
    "apiVersion: tenantry/v1\ndata: [pages.sql]\nfiles: files\n",
  );
});
afterAll(() => rm(directory, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** What the API's description says. Event streams end: of an operation with it, of all events with a refusal. */
function answers(): (asked: Asked) => Answer {
  let followed = 0;
  let made = false;
  const asked = new Set<string>();
  let status: "succeeded" | "cancelled" = "succeeded";
  return ({ method, url, body }) => {
    if (url === "/readyz") return { body: { status: "ready" } };
    const found = operationOf(method, url);
    if (!found) return { status: 404, body: { title: `There is nothing at ${method} ${url}.`, status: 404 } };
    // What its files hold isn't there yet.
    if (["createTemplate", "reviseTemplate"].includes(found.operationId) && !asked.has(found.operationId)) {
      asked.add(found.operationId);
      const { data } = body as { data: { chunks: string[] }[] };
      return { status: 422, body: { title: "No.", code: "contents_missing", missing: data[0]!.chunks } };
    }
    if (found.operationId === "cancelOperation") status = "cancelled";
    if (found.operationId === "followOperation")
      return { events: [operation({ status, progress: 1, endedAt: "2026-01-01T00:00:01.000Z" })] };
    // Whoever is looked for by an address is there.
    const search = new URL(url, "http://host").searchParams.get("search");
    if (found.operationId === "listUsers" && search) {
      const { body } = sampleReply(found) as { body: { items: object[] } };
      return { body: { items: [{ ...body.items[0], email: search }], nextCursor: null } };
    }
    if (found.operationId === "listDomains") {
      const { body } = sampleReply(found) as { body: { items: object[] } };
      const domain = { ...body.items[0], environment: "production" };
      const items = ["old.hooli.com", "www.hooli.com"].map((hostname) => ({ ...domain, hostname }));
      return { body: { items, nextCursor: null } };
    }
    // Another tenant's would be a refusal.
    if (found.operationId === "lookUpDomain")
      return { body: { ...(sampleReply(found) as { body: object }).body, holder: null } };
    // What differs would be a refusal.
    if (found.operationId === "listDrift")
      return {
        body: { counts: { databases: 2, checked: 2, drifted: 0 }, items: [], nextCursor: null },
      };
    if (found.operationId === "createTenant") made = true;
    // Once its rehearsal has ended, the plan is there; once a check has, what it found.
    const { rehearsal, check } = (body ?? {}) as { rehearsal?: string; check?: string };
    // A level that refuses would be a refusal.
    if (found.operationId === "checkSchema" && check)
      return { body: { levels: [{ level: "shared", works: true }], findings: [] } };
    if (found.operationId === "planMigration" && rehearsal)
      return sampleReply({ ...found, responses: { 200: found.responses["200"]! } });
    if (found.operationId === "showTenant") {
      if (url.endsWith("/initech") && !made)
        return { status: 404, body: { title: "None.", code: "tenant_not_found" } };
      const { body } = sampleReply(found) as { body: { environments: object[] } };
      const environments = [{ ...body.environments[0], name: "production" }];
      return { body: { ...body, environments, status: url.endsWith("/hooli") ? "suspended" : "active" } };
    }
    if (found.operationId !== "followEvents") return sampleReply(found);
    const event = {
      type: "tenantry.tenant.suspended",
      time: "2026-01-01T00:00:00.000Z",
      data: { slug: "acme" },
    };
    if (followed++ === 0) return { events: [event] };
    return { status: 403, body: { title: "No more.", status: 403, code: "forbidden" } };
  };
}

async function tryOut(line: string) {
  await using api = await startFakeApi(answers());
  vi.spyOn(process, "cwd").mockReturnValue(directory);
  const migrations = path.join(directory, "migrations");
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  const ran = await run(line.replace("./migrations", migrations), environment, "a good long secret\n");
  const called = api.asked.flatMap(({ method, url }) => operationOf(method, url)?.operationId ?? []);
  return { ...ran, called, asked: api.asked };
}

const commands = everyCommand(createProgram())
  .map((command) => ({ name: fullName(command), facts: factsFor(command) }))
  .filter(({ facts }) => facts?.calls);

describe("the examples in the help", () => {
  it.each(commands)("$name: run, and ask the API for what the command says", async ({ facts }) => {
    const called = new Set<string>();
    for (const example of facts!.examples) {
      const result = await tryOut(`tenantry ${example}`);
      // What only Ctrl-C ends is ended by a refusal here.
      const expected = example.startsWith("event follow") ? 1 : 0;
      expect(result.code, `${example}\n${result.stderr}`).toBe(expected);
      expect(result.stdout).not.toContain("undefined");
      for (const one of result.called) called.add(one);
    }
    expect([...called].sort()).toEqual([...facts!.calls!].sort());
  });
});

describe("--json", () => {
  it.each(commands)(
    "$name: standard output holds one document and standard error nothing",
    async ({ facts }) => {
      const [example] = facts!.examples;
      if (example.startsWith("event follow"))
        return expect((await tryOut(`tenantry ${example} --json`)).code).toBe(1);
      const { stdout, stderr, code } = await tryOut(
        `tenantry ${example.replace(/ [<>] \S+$/, "").replace(/ --json$/, "")} --json`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toBeTypeOf("object");
    },
  );
});

describe("secrets", () => {
  it.each([
    ["tenant create a --name A --admin-email a@b.example --admin-password -", "admin"],
    ["user create acme --email a@b.example --password -", "password"],
    ["server add second --database-url -", "url"],
  ])("come from standard input and are never repeated: %s", async (example, field) => {
    const { code, asked, stdout, stderr } = await tryOut(`tenantry ${example}`);
    expect(code, stderr).toBe(0);
    expect(JSON.stringify((asked[0]!.body as Record<string, unknown>)[field])).toContain(
      '"a good long secret"',
    );
    expect(stdout + stderr).not.toContain("secret");
  });
});

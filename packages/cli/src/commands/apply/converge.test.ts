import { expect, it } from "vitest";
import { createClient } from "../../api/client.ts";
import { planTenant } from "../../manifest/plan.ts";
import { type Answer, type Asked, startFakeApi } from "../../testing/fake-api.ts";
import { operation } from "../../testing/operations.ts";
import { converge, findDeclared } from "./converge.ts";

const acme = { id: "tnt_1", slug: "acme", name: "Acme", status: "active", groups: [], environments: [] };
const declared = { slug: "acme", name: "Acme Ltd" };

/** Plans against the first answer and converges against what is told from then on. */
async function applyTo(first: object, then: object) {
  let asked = 0;
  const answer = ({ method, url }: Asked): Answer => {
    if (url.startsWith("/v1/operations?")) return { body: { items: [{ id: "op_1" }], nextCursor: null } };
    if (url.endsWith("/events")) return { events: [operation({ status: "succeeded" })] };
    if (method !== "GET") return { body: acme };
    asked += 1;
    return { body: asked === 1 ? first : then, headers: { etag: `"${asked}"` } };
  };
  await using api = await startFakeApi(answer);
  const client = createClient({ url: api.url, apiKey: "key" });
  const plan = planTenant(declared, (await findDeclared(client, declared)).existing);
  const failure = await converge(client, declared, plan).then(
    () => undefined,
    (error: { problem: { code: string } }) => error.problem.code,
  );
  return { plan, failure, changes: api.asked.filter(({ method }) => method !== "GET"), asked: api.asked };
}

it("changes what was planned, and only what it has looked at", async () => {
  const { failure, changes } = await applyTo(acme, acme);
  expect(failure).toBeUndefined();
  expect(changes).toMatchObject([
    { method: "PATCH", body: { name: "Acme Ltd" }, headers: { "if-match": '"2"' } },
  ]);
});

it("leaves alone what somebody has changed since the plan", async () => {
  const { failure, changes } = await applyTo(acme, { ...acme, name: "Somebody else's" });
  expect({ failure, changes }).toEqual({ failure: "changed_meanwhile", changes: [] });
});

it("has nothing to do where somebody has made it so since the plan", async () => {
  const { failure, changes } = await applyTo(acme, { ...acme, name: "Acme Ltd" });
  expect({ failure, changes }).toEqual({ failure: undefined, changes: [] });
});

it.each([
  ["is being made by somebody else: it is waited for", "provisioning", declared.name, undefined],
  ["was made by somebody else who meant the same", "active", declared.name, undefined],
  ["was made by somebody else who isn't through with it yet", "active", "At first", undefined],
  ["was made by somebody else who meant another", "active", "Theirs", "changed_meanwhile"],
])("a tenant whose slug is taken at its turn %s", async (_title, status, name, failure) => {
  let [made, asked] = [status, 0];
  const answer = ({ method, url }: Asked): Answer => {
    if (url.startsWith("/v1/operations?")) return { body: { items: [{ id: "op_1" }], nextCursor: null } };
    if (url.endsWith("/events")) {
      made = "active";
      return { events: [operation({ status: "succeeded" })] };
    }
    if (method === "POST") return { status: 409, body: { code: "slug_taken", title: "Taken." } };
    asked += 1;
    if (asked === 1) return { status: 404, body: { code: "tenant_not_found", title: "None." } };
    return { body: { ...acme, status: made, name: name === "At first" && asked > 4 ? declared.name : name } };
  };
  await using api = await startFakeApi(answer);
  const client = createClient({ url: api.url, apiKey: "key" });
  const plan = planTenant(declared, (await findDeclared(client, declared)).existing);
  expect(plan.actions).toEqual(["create"]);
  const failed = await converge(client, declared, plan).then(
    () => undefined,
    (error: { problem: { code: string } }) => error.problem.code,
  );
  expect(failed).toBe(failure);
  expect(api.asked.filter(({ method }) => method === "PATCH")).toEqual([]);
});

it("waits for what a run before began to make, and goes on from there", async () => {
  const { plan, failure, changes, asked } = await applyTo(
    { ...acme, status: "provisioning" },
    { ...acme, status: "provisioning" },
  );
  expect(plan.actions).toEqual(["wait", "change"]);
  expect(failure).toBeUndefined();
  expect(asked.map(({ url }) => url)).toContain("/v1/operations/op_1/events");
  expect(changes).toHaveLength(1);
});

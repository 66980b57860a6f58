import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { RuntimeSnapshot } from "@tenantry/contract";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shortest } from "../../../server/src/testing/wait-until.ts";
import { createTenantry, EnvironmentUnknown, type Tenantry } from "../index.ts";
import { type TestInstallation, testInstallation } from "../testing/installation.ts";
import { createRuntimeFollower } from "./follower.ts";

const emptySnapshot: RuntimeSnapshot = {
  cursor: "",
  hasMore: false,
  full: false,
  environments: [],
  removed: [],
  keys: { keys: [] },
  audience: "",
  issuer: "",
  budgets: [],
  jobKey: "",
};

let installation: TestInstallation;
let tenantry: Tenantry;
let logged: string[];

beforeEach(async () => {
  installation = await testInstallation();
  logged = [];
  const log = {
    info: (_: object, event: string) => logged.push(event),
    warn: (_: object, event: string) => logged.push(event),
  };
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log });
});
afterEach(async () => {
  await tenantry.close();
  installation.stop();
});

const slugOf = (id: string) => tenantry.run(id, (context) => context.tenant.slug);
const asked = (path: string) => installation.asked.get(path) ?? 0;

test("nothing is sent before the first use", async () => {
  await pause(50);
  expect(installation.asked.size).toBe(0);
});

test("a large snapshot arrives page by page", async () => {
  installation.registry.pageSize = 10;
  const tenants = Array.from({ length: 95 }, (_, index) => installation.addTenant(`tenant-${index}`));
  await tenantry.ready();
  expect(asked("snapshot")).toBe(10);
  for (const { id, tenantSlug } of tenants) expect(await slugOf(id)).toBe(tenantSlug);
});

test("a change is known within a second, by the event stream and not by polling", async () => {
  const acme = installation.addTenant("acme");
  await tenantry.ready();
  await expect.poll(() => asked("stream")).toBe(1);
  await tenantry.run(acme.id, async (context) => {
    let number = 0;
    const tookMs = await shortest(1_000, async () => {
      number += 1;
      installation.change(acme.id, { tenantSlug: `renamed-${number}` });
      await expect.poll(() => context.tenant.slug, { interval: 1 }).toBe(`renamed-${number}`);
    });
    expect(tookMs).toBeLessThan(1_000);
  });
});

test("an environment that was removed is forgotten", async () => {
  const [acme, other] = [installation.addTenant("acme"), installation.addTenant("other")];
  expect(await slugOf(acme.id)).toBe("acme");
  installation.remove(acme.id);
  await expect
    .poll(() => slugOf(acme.id).catch((error: unknown) => error))
    .toBeInstanceOf(EnvironmentUnknown);
  expect(await slugOf(other.id)).toBe("other");
});

test("a hundred changes in one breath cost a few requests", async () => {
  const acme = installation.addTenant("acme");
  await tenantry.ready();
  await expect.poll(() => asked("stream")).toBe(1);
  for (let index = 0; index < 100; index += 1) installation.change(acme.id, { tenantName: `Name ${index}` });
  await expect.poll(() => tenantry.run(acme.id, (context) => context.tenant.name)).toBe("Name 99");
  expect(asked("snapshot")).toBeLessThan(30);
});

test("while the API is away everything known works on, and what is new follows when it is back", async () => {
  const acme = installation.addTenant("acme");
  const token = await installation.token(acme);
  await tenantry.ready();
  installation.stop();
  await expect.poll(() => logged).toEqual(["runtime.unreachable"]);
  expect((await tenantry.resolve({ headers: { "tenantry-token": token } })).tenant.slug).toBe("acme");
  expect(await slugOf(acme.id)).toBe("acme");
  installation.change(acme.id, { tenantSlug: "renamed" });
  await installation.start();
  await expect.poll(() => slugOf(acme.id)).toBe("renamed");
  expect(logged).toEqual(["runtime.unreachable", "runtime.reachable"]);
});

test("ready waits for an API that comes later", async () => {
  const acme = installation.addTenant("acme");
  installation.stop();
  const ready = tenantry.ready();
  await expect.poll(() => logged).toEqual(["runtime.unreachable"]);
  await installation.start();
  await ready;
  expect(await slugOf(acme.id)).toBe("acme");
});

test("ready gives up when its signal says so, and can be asked again", async () => {
  installation.stop();
  await expect(tenantry.ready({ signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/);
  await installation.start();
  await tenantry.ready();
});

test("a wrong key is told at once instead of tried for ever", async () => {
  const wrong = createTenantry({
    url: installation.url,
    appKey: "wrong",
    log: { info: () => undefined, warn: () => undefined },
  });
  await expect(wrong.ready()).rejects.toMatchObject({ code: "app_key_refused" });
  await wrong.close();
});

test("an answer that isn't ours is a failure, not a snapshot", async () => {
  const stranger = createTenantry({
    url: `${installation.url}/elsewhere/`,
    appKey: installation.appKey,
    log: { info: () => undefined, warn: () => undefined },
  });
  await expect(stranger.ready({ signal: AbortSignal.timeout(300) })).rejects.toThrow(/timeout/);
  await stranger.close();
});

test("whoever asks again waits for what is being asked already, and asks himself only if that doesn't suffice", async () => {
  const answers: PromiseWithResolvers<RuntimeSnapshot>[] = [];
  const follower = createRuntimeFollower(
    {
      snapshot: () => {
        answers.push(Promise.withResolvers());
        return answers.at(-1)!.promise;
      },
      changes: async function* (signal) {
        await once(signal, "abort");
        yield;
      },
    },
    { info: () => undefined, warn: () => undefined },
    () => undefined,
  );
  const answer = (cursor: string) => answers.at(-1)!.resolve({ ...emptySnapshot, cursor });
  const ready = follower.ready();
  await expect.poll(() => answers.length).toBe(1);
  const enough = follower.askAgain(() => follower.state()?.cursor === "1");
  answer("1");
  await Promise.all([ready, enough]);
  expect(answers).toHaveLength(1);
  const more = follower.askAgain(() => follower.state()?.cursor === "2");
  await expect.poll(() => answers.length).toBe(2);
  answer("2");
  await more;
  await follower.close();
});

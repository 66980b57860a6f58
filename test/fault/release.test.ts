import { copyFile, mkdir } from "node:fs/promises";
import path from "node:path";
import type { AppReply, OperationReply } from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Point, recordingOf } from "../support/hold.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { killInside } from "../support/steps.ts";
import { killInsideEach, type Place, titled } from "../support/together.ts";
import { becomesWhole } from "../support/whole.ts";

/** An application with one tenant; its migrations grow by one with every release. */
type App = { slug: string; tenant: string; migrations: { name: string; sql: string }[] };

let installation: Installation;
let program: string;
let echo: App;

beforeAll(async () => {
  installation = await startInstallation();
  program = path.join(installation.directory, "echo");
  await mkdir(program);
  await copyFile(
    new URL("../support/applications/echo.mjs", import.meta.url),
    path.join(program, "echo.mjs"),
  );
  echo = await makeApp("echo");
});
beforeEach(async () => {
  await installation.revive();
  await eventually("no release is under way", async () => {
    const { body } = await installation.api.call<{ items: unknown[] }>(
      "GET",
      "/v1/operations?kind=app.release&status=queued,running,waiting,cancelling,undoing",
    );
    return body.items.length === 0;
  });
});
afterAll(() => installation?.[Symbol.asyncDispose]());

async function makeApp(slug: string): Promise<App> {
  const app: App = { slug, tenant: `${slug}-acme`, migrations: [] };
  const made = await installation.api.call<AppReply & { operationId: string }>("POST", "/v1/apps", {
    slug: app.slug,
    ...nextRelease(app),
  });
  expect(await installation.api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  await installation.api.createTenant(app.tenant, { app: app.slug });
  return app;
}

function nextRelease({ migrations }: App) {
  const number = migrations.length + 1;
  migrations.push({
    name: `${String(number).padStart(4, "0")}.sql`,
    sql: `create table table_${number} ();`,
  });
  const variables = { RELEASE: String(number) };
  return { command: "node echo.mjs", workingDirectory: program, variables, migrations };
}

const cases: { step: string; when: string; point: Point }[] = [
  { step: "build-blueprint", when: "before the blueprint is made", point: { catalog: "pg_database" } },
  {
    step: "migrate-tenants",
    when: "after a tenant's database was migrated, before the registry knows",
    point: { before: "update", on: "placements", when: "new.schema_version > old.schema_version" },
  },
  {
    step: "start-instances",
    when: "before a node starts the processes",
    point: { before: "update", on: "apps", when: "new.next_release_id is not null" },
  },
  {
    step: "switch",
    when: "in the middle of the switch",
    point: { before: "update", on: "apps", when: "new.current_release_id <> old.current_release_id" },
  },
];

const recordings: Place[] = ["build-blueprint", "migrate-tenants", "start-instances", "switch"].map(
  (step) => ({ step, when: "when all is done but recording it", point: recordingOf(step) }),
);

describe("kill -9 of everything during a release", () => {
  it.each(cases)(
    "in the step $step, $when: the release is completed, tenants see it, and nothing is left over or missing",
    async ({ step, point }) => {
      const ended = await killInside(installation, { step, point }, () => beginRelease(echo));
      expect(ended).toMatchObject({ status: "succeeded" });
      await becomesWhole(installation);
      await isReleased(echo);
    },
  );
});

describe("kill -9 of everything during the releases of several applications", () => {
  let apps: Map<Place, App>;
  beforeAll(async () => {
    const make = async (place: Place) => [place, await makeApp(place.step)] as const;
    apps = new Map(await Promise.all(recordings.map(make)));
  });

  it.each([titled(recordings)])(
    "%s: each release is completed, tenants see it, and nothing is left over or missing",
    async (_title, places) => {
      const begin = (place: Place) => beginRelease(apps.get(place)!);
      for (const { place, ended } of await killInsideEach(installation, places, begin))
        expect(ended, place.step).toMatchObject({ status: "succeeded" });
      await becomesWhole(installation);
      for (const app of apps.values()) await isReleased(app);
    },
  );
});

async function beginRelease(app: App): Promise<string> {
  const url = `/v1/apps/${app.slug}/releases`;
  const reply = await installation.api.call<OperationReply>("POST", url, nextRelease(app));
  expect(reply.status).toBe(202);
  return reply.body.id;
}

async function isReleased({ slug, tenant, migrations }: App): Promise<void> {
  const { body: app } = await installation.api.call<AppReply>("GET", `/v1/apps/${slug}`);
  expect(app).toMatchObject({ schemaVersion: migrations.length });
  const page = await installation.visit(tenant);
  expect(page).toMatchObject({ status: 200 });
  expect(JSON.parse(page.body)).toMatchObject({ variables: { RELEASE: String(migrations.length) } });
}

import path from "node:path";
import type { OperationReply, ServerReply, TenantReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { isAlive, type ProcessInfo, processesWith } from "../support/process-tree.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();
const atLevel = { isolation: { database: "dedicated" } };

/** The postmasters of all servers that were started for environments. */
function small(): ProcessInfo[] {
  return processesWith(`-D ${path.join(installation.dataDir, "servers")}/`);
}

async function serverOf(slug: string): Promise<ServerReply> {
  const { body } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  const { server } = body.environments[0]!.placements.database as { server: string };
  return (await installation.api.call<ServerReply>("GET", `/v1/servers/${server}`)).body;
}

it("a tenant's site stands on a server of its own, which is listed, watched by the doctor, and goes with the tenant", async () => {
  const slug = fresh("large");
  await installation.api.createTenant(slug, atLevel);
  expect((await installation.visit(slug)).body).toContain(`The ${slug} company`);
  const server = await serverOf(slug);
  expect(server).toMatchObject({ kind: "embedded", dedicated: true, state: "ready", databases: 1 });
  const { databaseUrl } = installation.operator;
  expect(server.host).not.toBe(new URL(databaseUrl).host);
  const listed = await installation.command(["server", "list"]);
  expect(listed.stdout).toContain(server.name);
  const doctor = await installation.command(["doctor", "--json"]);
  const places = JSON.parse(doctor.stdout).filter((one: { check: string }) =>
    /places|servers/.test(one.check),
  );
  expect(places).toMatchObject([{ check: "places", status: "ok" }]);

  const { body } = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
  await becomesWhole(installation);
  await eventually("no small server runs", () => small().length === 0);
});

it("it is there again after a stop and after kill -9 of everything, and its server after kill -9 of that alone", async () => {
  const slug = fresh("lasting");
  await installation.api.createTenant(slug, atLevel);
  const answers = async () => (await installation.visit(slug)).status === 200;

  const before = small();
  await installation.interrupt();
  expect(before.filter(isAlive)).toEqual([]);
  await installation.start();
  expect(await answers()).toBe(true);

  await installation.kill();
  await installation.start();
  expect(await answers()).toBe(true);

  // Nobody but the servers themselves is left: they are adopted.
  await installation.killMain();
  const orphans = small();
  expect(orphans.length).toBeGreaterThan(0);
  await installation.start();
  expect(orphans.filter(isAlive)).toEqual(orphans);
  expect(await answers()).toBe(true);

  for (const { pid } of small()) process.kill(pid, "SIGKILL");
  await eventually("it answers again", answers);
  await becomesWhole(installation);
});

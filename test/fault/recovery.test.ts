import type { AppReply } from "@tenantry/contract";
import { beforeAll, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { killAll, processOf } from "../support/process-tree.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();
beforeAll(async () => {
  await installation.api.createTenant("acme");
});

async function isServedAgain(): Promise<void> {
  await eventually("acme's page is back", async () => (await installation.visit("acme")).status === 200);
}

it("after kill -9 of its PostgreSQL alone, everything goes on by itself, and tenants can be made", async () => {
  const server = installation.processes().find(({ command }) => command.includes("/postgres -D"))!;
  await killAll([server]);
  await isServedAgain();
  await eventually("the API answers", async () => {
    const { status } = await installation.api.call("GET", "/v1/tenants");
    return status === 200;
  });
  await installation.api.createTenant(fresh("globex"));
  await becomesWhole(installation);
});

it("after kill -9 of an application's process, it is started again and serves", async () => {
  const { pid, restarts } = await eventually("it is healthy", async () => {
    const [instance] = await installation.sql<{ pid: number; restarts: number }>(
      "select process_id as pid, restarts from instances where state = 'healthy'",
    );
    return instance;
  });
  await killAll([processOf(pid)!]);
  await isServedAgain();
  const { body } = await installation.api.call<AppReply>("GET", "/v1/apps/sites");
  expect(body.instances).toMatchObject([{ state: "healthy", restarts: restarts + 1 }]);
  await becomesWhole(installation);
});

import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { newId } from "../../kernel/index.ts";
import { kernelMakesNamespaces } from "../../testing/app-host.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { planLaunch } from "./launch.ts";
import { hasVariable, listProcesses } from "./processes.ts";

const request = {
  command: "sleep 1000",
  workingDirectory: tmpdir(),
  variables: {},
  uid: process.getuid!() || 64_903,
  reaches: [],
  hides: [],
};

async function marked(instanceId: string): Promise<number[]> {
  const all = await Promise.all(
    listProcesses().map(async ({ pid }) => ({
      pid,
      isOurs: await hasVariable(pid, "TENANTRY_INSTANCE", instanceId),
    })),
  );
  return all.filter(({ isOurs }) => isOurs).map(({ pid }) => pid);
}

it.runIf(await kernelMakesNamespaces())(
  "in namespaces, nothing is left of an application whose starter dies, at whatever moment of the start",
  async () => {
    const ids: string[] = [];
    for (let afterMs = 0; afterMs < 60; afterMs += 3) {
      const instanceId = newId();
      ids.push(instanceId);
      const plan = await planLaunch(request, { way: "namespaces" }, { instanceId });
      const child = spawn(plan.file, plan.args, {
        env: plan.environment,
        stdio: ["ignore", "ignore", "ignore", "pipe"],
      });
      // Not a wait for something: the moment is what is tried.
      await delay(afterMs);
      // What our death does, and no more: nobody is signalled.
      child.stdio[3]!.destroy();
    }
    for (const id of ids) {
      await waitUntil("nothing of it is left", async () => (await marked(id)).length === 0, 20_000);
    }
    expect(ids).toHaveLength(20);
  },
);

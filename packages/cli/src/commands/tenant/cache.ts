import type { CacheUsageReply, FlushCacheReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";
import { fields } from "../../output/table.ts";

export function flushCacheCommand(): Command {
  const command = defineCommand("flush-cache", {
    summary: "empty a tenant's caches",
    examples: ["tenant flush-cache acme"],
    calls: ["flushTenantCache"],
  }).argument("<tenant>", "its slug or id");
  return overApi(command).action(async (tenant: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const { body } = await client.call<FlushCacheReply>("POST", path`/v1/tenants/${tenant}/flush-cache`);
    output.result(body, ({ keys }) =>
      keys === null ? `The caches of ${tenant} begin anew.` : `${keys} keys of ${tenant} are gone.`,
    );
  });
}

export function showCacheCommand(): Command {
  const command = defineCommand("cache", {
    summary: "show how much is in a tenant's caches",
    details: "A cache in the memory of its application's processes can't be looked into.",
    examples: ["tenant cache acme"],
    calls: ["showTenantCache"],
  }).argument("<tenant>", "its slug or id");
  return overApi(command).action(async (tenant: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const { body } = await client.call<CacheUsageReply>("GET", path`/v1/tenants/${tenant}/cache`);
    output.result(body, (usage, look) =>
      fields(look, [
        ["Keys", usage.keys],
        ["Bytes", usage.bytes],
      ]),
    );
  });
}

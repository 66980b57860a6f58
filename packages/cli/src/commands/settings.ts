import type { SettingReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import type { Look } from "../output/look.ts";
import { table } from "../output/table.ts";
import { parseSettings } from "../settings.ts";

type Settings = { items: SettingReply[] };
type Whose = { tenant?: string };

/** `tenantry settings …`: of the installation, or with `--tenant` of one tenant. */
export function settingsCommand(): Command {
  return defineGroup("settings", "settings and limits, of the installation or of one tenant", [
    listCommand(),
    setCommand(),
  ]);
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "show settings and where each value comes from",
    examples: ["settings list", "settings list --tenant acme"],
    calls: ["listSettings", "listTenantSettings"],
  }).option("--tenant <tenant>", "of this tenant, by its slug or id");
  return overApi(command).action(async (whose: Whose, self: Command) => {
    const { client, output } = await contextOf(self);
    output.result((await client.call<Settings>("GET", pathOf(whose))).body, showSettings);
  });
}

function setCommand(): Command {
  const command = defineCommand("set", {
    summary: "change settings",
    details:
      "A value is JSON or text: maxUsers=20, storageQuota=5GB. null takes it away, so that the next layer's counts.",
    examples: [
      "settings set maxTenants=500 deletionGraceDays=30",
      "settings set maxUsers=50 --tenant acme",
      "settings set maxUsers=null --tenant acme",
    ],
    calls: ["changeSettings", "changeTenantSettings"],
  })
    .argument("<key=value...>", "one or more")
    .option("--tenant <tenant>", "of this tenant, by its slug or id");
  return overApi(command).action(async (pairs: string[], whose: Whose, self: Command) => {
    const { client, output } = await contextOf(self);
    const { body } = await client.call<Settings>("PATCH", pathOf(whose), { body: parseSettings(pairs) });
    output.result(body, showSettings);
  });
}

function pathOf({ tenant }: Whose): string {
  return tenant === undefined ? "/v1/settings" : path`/v1/tenants/${tenant}/settings`;
}

function showSettings({ items }: Settings, look: Look): string {
  const rows = items.map(({ key, value, source, from, description }) => [
    key,
    JSON.stringify(value),
    source === "default" ? { text: source, tone: "dim" as const } : from ? `${source} ${from}` : source,
    description,
  ]);
  return table(look, ["setting", "value", "from", "what it is"], rows);
}

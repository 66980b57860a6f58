import type { SettingReply } from "@tenantry/contract";
import { Command } from "commander";
import { contextOf } from "../context.ts";
import { parseSettings } from "../options.ts";
import { table } from "../output.ts";

type Settings = { items: SettingReply[] };

/** `tenantry settings …`: of the installation, or with `--tenant` of one tenant. */
export function settingsCommand(): Command {
  const settings = new Command("settings").description("settings of the installation, or of one tenant");
  settings
    .command("list")
    .description("show settings and where each value comes from")
    .option("--tenant <tenant>", "of this tenant, by its slug or id")
    .action(async (options: { tenant?: string }, command: Command) => {
      const { client, output } = await contextOf(command);
      output.result((await client.call<Settings>("GET", pathOf(options))).body, showSettings);
    });
  settings
    .command("set")
    .argument("<key=value...>", "values are JSON or text; null takes a value away")
    .description("change settings")
    .option("--tenant <tenant>", "of this tenant, by its slug or id")
    .action(async (pairs: string[], options: { tenant?: string }, command: Command) => {
      const { client, output } = await contextOf(command);
      const { body } = await client.call<Settings>("PATCH", pathOf(options), { body: parseSettings(pairs) });
      output.result(body, showSettings);
    });
  return settings;
}

function pathOf({ tenant }: { tenant?: string }): string {
  return tenant ? `/v1/tenants/${encodeURIComponent(tenant)}/settings` : "/v1/settings";
}

function showSettings({ items }: Settings): string {
  return table(
    ["setting", "value", "from"],
    items.map((setting) => [setting.key, JSON.stringify(setting.value), setting.source]),
  );
}

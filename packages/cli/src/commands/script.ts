import { readFile } from "node:fs/promises";
import nodePath from "node:path";
import type { OperationReply, RunScriptRequest, ScriptRun, TenantReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { type Context, contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import { unreadable } from "../files.ts";
import { followOperation } from "../follow/follow.ts";
import type { Look } from "../output/look.ts";
import { at, state, table } from "../output/table.ts";
import { wrongUsage } from "../problem.ts";
import { tellStarted } from "./started.ts";

/** `tenantry script …` */
export function scriptCommand(): Command {
  return defineGroup("script", "statements for single tenants, on record", [runCommand(), listCommand()]);
}

type RunOptions = {
  app?: string;
  tenant?: string;
  group?: string;
  all?: boolean;
  environment: string;
  again?: boolean;
  dryRun?: boolean;
  wait?: boolean;
};

function runCommand(): Command {
  const command = defineCommand("run", {
    summary: "run a script of SQL on a tenant, on a group of them or on all",
    details:
      "On each in a transaction of its own, as somebody who reads and writes that tenant's rows alone: what changes " +
      "tables belongs into a migration. Where the same text has been run it isn't run again.",
    examples: [
      "script run ./migrations/001_notes.sql --tenant acme --wait",
      "script run ./migrations/001_notes.sql --app notes --group beta --dry-run --wait",
    ],
    calls: ["showTenant", "runScript", "followOperation", "listScriptRuns"],
  })
    .argument("<file>", "the script")
    .option("--app <app>", "whose tenants; that of --tenant when left out")
    .addOption(new Option("--tenant <tenant>", "on this tenant").conflicts(["group", "all"]))
    .addOption(new Option("--group <group>", "on the tenants of this group").conflicts("all"))
    .option("--all", "on all tenants of the application")
    .option("--environment <name>", "on which of their environments", "production")
    .option("--again", "also where it has been run before")
    .option("--dry-run", "take everything back at the end, and say how many rows it would have changed")
    .option("--wait", "wait for the end, and show how it went on each");
  return overApi(command).action(run);
}

async function run(file: string, options: RunOptions, command: Command): Promise<void> {
  const { tenant, group, all, environment, again, dryRun } = options;
  if (tenant === undefined && group === undefined && !all)
    throw wrongUsage("On whom isn't said.", "Give --tenant, --group or --all.");
  if (tenant === undefined && options.app === undefined)
    throw wrongUsage("Whose tenants isn't said.", "Give --app.");
  const sql = await readScript(file);
  const context = await contextOf(command);
  const app = options.app ?? (await appOf(context, tenant!));
  const body: RunScriptRequest = {
    ...{ name: nodePath.basename(file), sql, tenant, group, environment, again, dryRun },
    all: all ? true : undefined,
  };
  const target = path`/v1/apps/${app}/script-runs`;
  const { body: started } = await context.client.call<OperationReply>("POST", target, { body });
  if (!options.wait) return tellStarted(context.output, started);
  // How it went on each is of use above all when it failed on some.
  const [followed] = await Promise.allSettled([followOperation(context, started.id)]);
  const runs = await fetchPages<ScriptRun>(context.client, target, { all: true }, { operation: started.id });
  context.output.result(runs, showRuns);
  if (followed.status === "rejected") throw followed.reason;
}

async function appOf({ client }: Context, tenant: string): Promise<string> {
  return (await client.call<TenantReply>("GET", path`/v1/tenants/${tenant}`)).body.app;
}

async function readScript(file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

type ListOptions = PageOptions & { app?: string; tenant?: string; group?: string };

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list the runs of scripts, newest first",
    examples: ["script list --tenant acme", "script list --app notes --all --json"],
    calls: ["showTenant", "listScriptRuns"],
  })
    .option("--app <app>", "on tenants of this application; that of --tenant when left out")
    .addOption(new Option("--tenant <tenant>", "on this tenant alone").conflicts("group"))
    .option("--group <group>", "on the tenants of this group alone");
  return overApi(addPageOptions(command)).action(list);
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const { tenant, group } = options;
  if (tenant === undefined && options.app === undefined)
    throw wrongUsage("Whose tenants isn't said.", "Give --app or --tenant.");
  const context = await contextOf(command);
  const app = options.app ?? (await appOf(context, tenant!));
  const page = await fetchPages<ScriptRun>(context.client, path`/v1/apps/${app}/script-runs`, options, {
    tenant,
    group,
  });
  context.output.result(page, showRuns);
  noteMore(context.output, page);
}

function showRuns({ items }: { items: readonly ScriptRun[] }, look: Look): string {
  if (items.length === 0) return "It was run on nobody: there is no such tenant, or all have had it.";
  const rows = items.map((one) => [
    one.script,
    one.environment === "production" ? one.tenantSlug : `${one.tenantSlug}--${one.environment}`,
    state(one.status),
    one.dryRun ? "taken back" : null,
    one.rowsChanged,
    at(one.startedAt),
    one.error,
  ]);
  return table(look, ["script", "tenant", "status", "tried", "rows", "when", "error"], rows);
}

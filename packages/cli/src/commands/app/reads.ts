import type { AppReply } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";
import type { Look } from "../../output/look.ts";
import { at, type Cell, fields, state, table } from "../../output/table.ts";

export function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list applications",
    examples: ["app list"],
    calls: ["listApps"],
  });
  return overApi(addPageOptions(command)).action(async (options: PageOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const page = await fetchPages<AppReply>(client, "/v1/apps", options);
    output.result(page, showApps);
    noteMore(output, page);
  });
}

/** Applications for people, a line each. */
export function showApps({ items }: { items: readonly AppReply[] }, look: Look): string {
  const rows = items.map((app) => [
    app.slug,
    app.currentRelease?.number,
    app.currentRelease?.upstreamUrl ?? app.currentRelease?.command,
    app.tenants,
    instances(app),
  ]);
  return table(look, ["app", "release", "runs", "tenants", "instances"], rows);
}

function instances({ instances, currentRelease }: AppReply): Cell {
  const states = new Set(instances.map((instance) => instance.state));
  if (states.size === 0) return currentRelease?.upstreamUrl ? "yours" : null;
  const [only] = states;
  return states.size === 1 ? state(only!) : { text: [...states].join(", "), tone: "busy" };
}

export function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show an application and its running instances",
    examples: ["app show sites"],
    calls: ["showApp"],
  }).argument("<app>", "its name or id");
  return overApi(command).action(async (app: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    output.result((await client.call<AppReply>("GET", path`/v1/apps/${app}`)).body, showApp);
  });
}

function showApp(app: AppReply, look: Look): string {
  const release = app.currentRelease;
  const own = fields(look, [
    ["App", app.slug],
    ["Id", app.id],
    ["Release", release?.number],
    ["Upstream", release?.upstreamUrl],
    ["Command", release?.command],
    ["Released", at(release?.createdAt ?? null)],
    ["Schema", app.schemaVersion],
    ["Tenants", app.tenants],
  ]);
  const rows = app.instances.map(({ id, state: name, url, restarts, lastError }) => [
    id,
    state(name),
    url,
    restarts,
    lastError,
  ]);
  if (rows.length === 0) return own;
  return `${own}\n\n${table(look, ["instance", "state", "address", "restarts", "last error"], rows)}`;
}

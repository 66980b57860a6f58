import type { CloudEvent, EventListReply } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { reconnecting } from "../api/reconnecting.ts";
import { tenantIdOf } from "../api/tenant-id.ts";
import { type Context, contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import type { Look } from "../output/look.ts";
import { at, table } from "../output/table.ts";
import { toJson, visibleLine } from "../output/text.ts";

/** `tenantry event …`: what happened. */
export function eventCommand(): Command {
  return defineGroup("event", "what happened to tenants and applications", [listCommand(), followCommand()]);
}

type FilterOptions = { type?: string; tenant?: string };

function addFilter(command: Command): Command {
  return command
    .option("--type <types>", "these alone, joined by commas, such as tenant.suspended")
    .option("--tenant <tenant>", "of one tenant; by its id once it is gone");
}

async function filterOf({ client }: Context, { type, tenant }: FilterOptions) {
  return {
    type: type?.split(",").map(fullType).join(","),
    tenantId: tenant === undefined ? undefined : await tenantIdOf(client, tenant),
  };
}

const prefix = "tenantry.";

function fullType(type: string): string {
  return type.startsWith(prefix) ? type : prefix + type;
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list what happened, oldest first",
    examples: [
      "event list",
      "event list --tenant acme --all",
      "event list --type tenant.suspended,tenant.resumed",
    ],
    calls: ["listEvents", "showTenant"],
  });
  return overApi(addPageOptions(addFilter(command))).action(
    async (options: PageOptions & FilterOptions, self: Command) => {
      const context = await contextOf(self);
      const page = await fetchPages<CloudEvent>(
        context.client,
        "/v1/events",
        options,
        await filterOf(context, options),
      );
      context.output.result(page, showEvents);
      noteMore(context.output, page);
    },
  );
}

function showEvents({ items }: Pick<EventListReply, "items">, look: Look): string {
  if (items.length === 0) return "Nothing of that kind happened.";
  return table(
    look,
    ["when", "what", "to", "data"],
    items.map((event) => [at(event.time), shortType(event), event.subject, dataText(event)]),
  );
}

function followCommand(): Command {
  const command = defineCommand("follow", {
    summary: "show what happens as it happens, until Ctrl-C",
    details: "With --json, a JSON document a line (CloudEvents 1.0).",
    examples: ["event follow", "event follow --tenant acme --type tenant.suspended --json"],
    calls: ["followEvents", "showTenant"],
  });
  return overApi(addFilter(command)).action(async (options: FilterOptions, self: Command) => {
    const context = await contextOf(self);
    const query = await filterOf(context, options);
    let lastEventId: string | undefined;
    const connect = () => context.client.events<CloudEvent>("/v1/events/stream", { query, lastEventId });
    for await (const { id, data } of reconnecting(connect)) {
      lastEventId = id ?? lastEventId;
      context.output.line(data, showLine);
    }
  });
}

function showLine(event: CloudEvent, look: Look): string {
  const time = look.paint("dim", event.time);
  return [time, look.paint("strong", shortType(event)), event.subject ?? "", dataText(event)]
    .join("  ")
    .trimEnd();
}

function shortType({ type }: CloudEvent): string {
  return visibleLine(type.startsWith(prefix) ? type.slice(prefix.length) : type);
}

function dataText({ data }: CloudEvent): string {
  return Object.entries(data)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : toJson(value, 0)}`)
    .map(visibleLine)
    .join(" ");
}

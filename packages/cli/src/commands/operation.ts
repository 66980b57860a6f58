import type { OperationReply } from "@tenantry/contract";
import { type Command, InvalidArgumentError, Option } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { tenantIdOf } from "../api/tenant-id.ts";
import { operationStatuses } from "../choices.ts";
import { contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import { failureOf, followOperation, followToEnd } from "../follow/follow.ts";
import { remark } from "../follow/frame.ts";
import type { Look } from "../output/look.ts";
import { at, fields, state, table } from "../output/table.ts";

/** `tenantry operation …` */
export function operationCommand(): Command {
  return defineGroup("operation", "durable work: look at it, follow it, cancel and retry it", [
    listCommand(),
    showCommand(),
    watchCommand(),
    cancelCommand(),
    retryCommand(),
  ]);
}

const idArgument = ["<operation>", "its id"] as const;

type ListOptions = PageOptions & { status?: string; tenant?: string; kind?: string; internal?: boolean };

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list operations, newest first",
    examples: ["operation list", "operation list --status failed,needs_operator --tenant acme"],
    calls: ["listOperations", "showTenant"],
  })
    .addOption(
      new Option("--status <status>", "in these states alone, joined by commas")
        .choices(operationStatuses)
        .argParser(requireStatuses),
    )
    .option("--tenant <tenant>", "those of one tenant; by its id once it is gone")
    .option("--kind <kind>", "such as tenant.provision")
    .option("--internal", "those as well that the platform made for itself");
  return overApi(addPageOptions(command)).action(list);
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const { client, output } = await contextOf(command);
  const { status, kind, internal } = options;
  const tenantId = options.tenant && (await tenantIdOf(client, options.tenant));
  const filter = { status, tenantId, kind, internal: internal ? "true" : undefined };
  const page = await fetchPages<OperationReply>(client, "/v1/operations", options, filter);
  output.result(page, showOperations);
  noteMore(output, page);
}

function requireStatuses(text: string): string {
  const wrong = text.split(",").find((part) => !(operationStatuses as readonly string[]).includes(part));
  if (wrong === undefined) return text;
  throw new InvalidArgumentError(`Allowed choices are ${operationStatuses.join(", ")}.`);
}

/** Operations for people, a line each. */
export function showOperations({ items }: { items: readonly OperationReply[] }, look: Look): string {
  if (items.length === 0) return "There are no such operations.";
  const rows = items.map((one) => [one.id, one.kind, state(one.status), percent(one), at(one.createdAt)]);
  return table(look, ["operation", "kind", "status", "progress", "created"], rows);
}

function percent({ progress }: OperationReply): string {
  return `${Math.floor(progress * 100)} %`;
}

function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show an operation and its steps",
    examples: ["operation show op_01m7xqs0swfkst01a9netyzt91"],
    calls: ["showOperation"],
  }).argument(...idArgument);
  return overApi(command).action(async (id: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    output.result((await client.call<OperationReply>("GET", path`/v1/operations/${id}`)).body, showOperation);
  });
}

function watchCommand(): Command {
  const command = defineCommand("watch", {
    summary: "follow an operation to its end; exit code 1 unless it succeeds",
    examples: ["operation watch op_01m7xqs0swfkst01a9netyzt91"],
    calls: ["followOperation"],
  }).argument(...idArgument);
  return overApi(command).action(async (id: string, _options: object, self: Command) => {
    const context = await contextOf(self);
    context.output.result(await followOperation(context, id), outcome);
  });
}

function cancelCommand(): Command {
  const command = defineCommand("cancel", {
    summary: "turn an operation back: what was done is undone",
    examples: ["operation cancel op_01m7xqs0swfkst01a9netyzt91 --wait"],
    calls: ["cancelOperation", "followOperation"],
  })
    .argument(...idArgument)
    .option("--wait", "wait until all is undone");
  return overApi(command).action(async (id: string, options: { wait?: boolean }, self: Command) => {
    const context = await contextOf(self);
    const { body } = await context.client.call<OperationReply>("POST", path`/v1/operations/${id}/cancel`);
    if (!options.wait) return context.output.result(body, outcome);
    const ended = await followToEnd(context, id);
    if (ended.status !== "cancelled") throw failureOf(ended);
    context.output.result(ended, outcome);
  });
}

function retryCommand(): Command {
  const command = defineCommand("retry", {
    summary: "let an operation go on that failed or got stuck: forward, or on undoing",
    examples: ["operation retry op_01m7xqs0swfkst01a9netyzt91 --wait"],
    calls: ["retryOperation", "followOperation"],
  })
    .argument(...idArgument)
    .option("--wait", "wait for its end");
  return overApi(command).action(async (id: string, options: { wait?: boolean }, self: Command) => {
    const context = await contextOf(self);
    const { body } = await context.client.call<OperationReply>("POST", path`/v1/operations/${id}/retry`);
    context.output.result(options.wait ? await followOperation(context, id) : body, outcome);
  });
}

function outcome({ kind, status }: OperationReply, look: Look): string {
  return fields(look, [[kind, state(status)]]);
}

function showOperation(operation: OperationReply, look: Look): string {
  const own = fields(look, [
    ["Operation", operation.id],
    ["Kind", operation.kind],
    ["Status", state(operation.status)],
    ["Progress", percent(operation)],
    ["Doing", operation.message],
    ["Tenant", operation.tenantId],
    ["Goes on", at(operation.waitUntil)],
    ["Error", operation.error?.detail ?? operation.error?.title],
    ["Remedy", operation.error?.remedy],
    ["Asked for by", operation.requestedBy],
    ["Created", at(operation.createdAt)],
    ["Ended", at(operation.endedAt)],
  ]);
  const steps = operation.steps.map((step) => [
    step.title,
    state(step.status),
    remark(step),
    step.error?.detail ?? step.error?.title,
  ]);
  return `${own}\n\n${table(look, ["step", "status", "took", "error"], steps)}`;
}

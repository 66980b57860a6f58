import type { OperationReply } from "@tenantry/contract";
import { Command } from "commander";
import { contextOf } from "../context.ts";
import { followOperation } from "../follow.ts";
import { fields, table } from "../output.ts";
import { addPageOptions, type PageOptions, pageThrough } from "../pages.ts";

const operationPath = (id: string, rest = "") => `/v1/operations/${encodeURIComponent(id)}${rest}`;

/** `tenantry operation …` */
export function operationCommand(): Command {
  const operation = new Command("operation").description("durable work: look at it, follow, cancel, retry");
  addPageOptions(operation.command("list"))
    .description("list operations, newest first")
    .option("--status <status>", "one or more, joined by commas")
    .option("--tenant <id>", "those of one tenant, by its id")
    .option("--kind <kind>", "such as tenant.provision")
    .option("--internal", "those as well that the platform made for itself")
    .action(async (options: PageOptions & Record<string, string>, command: Command) => {
      const { client, output } = await contextOf(command);
      const { status, tenant, kind, internal } = options;
      const filter = { status, tenantId: tenant, kind, internal: internal ? "true" : undefined };
      const page = await pageThrough<OperationReply>(client, "/v1/operations", options, filter);
      output.result(page, ({ items }) =>
        table(
          ["operation", "kind", "status", "progress", "created"],
          items.map((one) => [
            one.id,
            one.kind,
            one.status,
            `${Math.round(one.progress * 100)} %`,
            one.createdAt,
          ]),
        ),
      );
    });
  operation
    .command("show")
    .argument("<operation>", "its id")
    .description("show an operation and its steps")
    .action(async (id: string, _options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      output.result((await client.call<OperationReply>("GET", operationPath(id))).body, showOperation);
    });
  operation
    .command("watch")
    .argument("<operation>", "its id")
    .description("follow an operation to its end; exit code 1 when it fails")
    .action(async (id: string, _options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      output.result(await followOperation(client, id, output), ({ kind, status }) => `${kind}: ${status}.`);
    });
  for (const [verb, description] of [
    ["cancel", "turn an operation back: what was done is undone"],
    ["retry", "send a failed operation forward again"],
  ] as const) {
    operation
      .command(verb)
      .argument("<operation>", "its id")
      .description(description)
      .option("--wait", "wait for its end")
      .action(async (id: string, options: { wait?: boolean }, command: Command) => {
        const { client, output } = await contextOf(command);
        const { body } = await client.call<OperationReply>("POST", operationPath(id, `/${verb}`));
        const ended = options.wait && verb === "retry" ? await followOperation(client, id, output) : body;
        output.result(ended, ({ kind, status }) => `${kind}: ${status}.`);
      });
  }
  return operation;
}

function showOperation(operation: OperationReply): string {
  const own = fields([
    ["Operation", operation.id],
    ["Kind", operation.kind],
    ["Status", operation.status],
    ["Progress", `${Math.round(operation.progress * 100)} %`],
    ["Doing", operation.message],
    ["Tenant", operation.tenantId],
    ["Goes on at", operation.waitUntil],
    ["Error", operation.error?.detail ?? operation.error?.title],
    ["Remedy", operation.error?.remedy],
    ["Asked for by", operation.requestedBy],
    ["Created", operation.createdAt],
    ["Ended", operation.endedAt],
  ]);
  const steps = operation.steps.map((step) => [
    step.title,
    step.status,
    step.tookMs === null ? null : `${Math.round(step.tookMs)} ms`,
    step.error?.detail ?? step.error?.title,
  ]);
  return `${own}\n\n${table(["step", "status", "took", "error"], steps)}`;
}

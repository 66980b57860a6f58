import type { AppReply, OperationReply, ServerReply } from "@tenantry/contract";
import { Command } from "commander";
import { contextOf } from "../context.ts";
import { fields, table } from "../output.ts";
import { CliError } from "../problem.ts";

type Page<Item> = { items: Item[] };

/** `tenantry status`: what runs, at a glance. */
export function statusCommand(): Command {
  return new Command("status")
    .description("what is running, at a glance")
    .action(async (_options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      const [apps, servers, operations, readiness] = await Promise.all([
        client.call<Page<AppReply>>("GET", "/v1/apps"),
        client.call<Page<ServerReply>>("GET", "/v1/servers"),
        client.call<Page<OperationReply>>("GET", "/v1/operations", {
          query: { status: "queued,running,waiting,cancelling,undoing,needs_operator" },
        }),
        client.call<unknown>("GET", "/readyz").then(
          () => "ready",
          (error: unknown) => {
            if (error instanceof CliError && error.problem) return error.message;
            throw error;
          },
        ),
      ]);
      const status = {
        api: readiness,
        apps: apps.body.items,
        servers: servers.body.items,
        operations: operations.body.items,
      };
      output.result(status, () =>
        [
          fields([["API", status.api]]),
          table(
            ["app", "release", "tenants", "instances"],
            status.apps.map((app) => [
              app.slug,
              app.currentRelease?.number,
              app.tenants,
              app.instances.map((instance) => instance.state).join(", "),
            ]),
          ),
          table(
            ["server", "version", "databases", "state"],
            status.servers.map((server) => [server.name, server.version, server.databases, server.state]),
          ),
          status.operations.length === 0
            ? "No operations are at work."
            : table(
                ["operation", "kind", "status"],
                status.operations.map((operation) => [operation.id, operation.kind, operation.status]),
              ),
        ].join("\n\n"),
      );
    });
}

import type { DatabaseSecretsReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";

export function rotateSecretsCommand(): Command {
  const command = defineCommand("rotate-secrets", {
    summary:
      "replace the secrets by which an application's processes ask for tenants' rows in shared databases",
    details:
      "The processes hear of the new ones at once and go on serving; those before are as good for ten minutes. After " +
      "that, whoever got hold of one can do nothing with it.",
    examples: ["app rotate-secrets notes"],
    calls: ["rotateDatabaseSecrets"],
  }).argument("<app>", "its name or id");
  return overApi(command).action(async (app: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const target = path`/v1/apps/${app}/database-secrets/rotate`;
    const { body } = await client.call<DatabaseSecretsReply>("POST", target);
    output.result(body, ({ databases }) =>
      databases === 0
        ? `${app} has no shared database, and so no such secret.`
        : `${databases} shared ${databases === 1 ? "database has" : "databases have"} another secret.`,
    );
  });
}

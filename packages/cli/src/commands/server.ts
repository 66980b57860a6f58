import type { ServerReply } from "@tenantry/contract";
import { Command } from "commander";
import { contextOf } from "../context.ts";
import { fields, table } from "../output.ts";
import { addPageOptions, type PageOptions, pageThrough } from "../pages.ts";

const serverPath = (server: string) => `/v1/servers/${encodeURIComponent(server)}`;

/** `tenantry server …` */
export function serverCommand(): Command {
  const server = new Command("server").description("the database servers that tenants' databases stand on");
  server
    .command("add")
    .argument("<name>")
    .description("register a database server; it is checked first")
    .requiredOption(
      "--database-url <url>",
      "postgres://user:password@host:port/database, with CREATEDB and CREATEROLE",
    )
    .option("--region <region>")
    .option("--capacity <number>", "how many databases it may hold", Number)
    .option("--max-backends <number>", "how many connections applications may hold on it", Number)
    .action(async (name: string, options: Record<string, never>, command: Command) => {
      const { client, output } = await contextOf(command);
      const { databaseUrl: url, region, capacity, maxBackends } = options;
      const body = { name, url, region, capacity, maxBackends };
      const { body: added } = await client.call<ServerReply>("POST", "/v1/servers", { body });
      output.result(added, (shown) => [showServer(shown), ...(shown.warnings ?? [])].join("\n"));
    });
  addPageOptions(server.command("list"))
    .description("list database servers")
    .action(async (options: PageOptions, command: Command) => {
      const { client, output } = await contextOf(command);
      const page = await pageThrough<ServerReply>(client, "/v1/servers", options);
      output.result(page, ({ items }) =>
        table(
          ["server", "host", "version", "region", "databases", "state"],
          items.map((one) => [
            one.name,
            one.host,
            one.version,
            one.region,
            `${one.databases} of ${one.capacity}`,
            one.state,
          ]),
        ),
      );
    });
  server
    .command("show")
    .argument("<server>", "its name or id")
    .description("show a database server")
    .action(async (name: string, _options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      output.result((await client.call<ServerReply>("GET", serverPath(name))).body, showServer);
    });
  server
    .command("remove")
    .argument("<server>", "its name or id")
    .description("take out a database server that nothing stands on")
    .action(async (name: string, _options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      await client.call("DELETE", serverPath(name));
      output.result({ removed: name }, () => `${name} was taken out.`);
    });
  return server;
}

function showServer(server: ServerReply): string {
  return fields([
    ["Server", server.name],
    ["Id", server.id],
    ["Host", server.host],
    ["PostgreSQL", server.version],
    ["Region", server.region],
    ["Databases", `${server.databases} of ${server.capacity}`],
    ["Connections", server.maxBackends],
    ["State", server.state],
  ]);
}

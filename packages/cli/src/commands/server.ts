import type { ServerReply } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi, wholeNumber } from "../command.ts";
import { readSecret } from "../confirm.ts";
import type { Look } from "../output/look.ts";
import { at, fields, state, table } from "../output/table.ts";

/** `tenantry server …` */
export function serverCommand(): Command {
  return defineGroup("server", "the database servers that tenants' databases stand on", [
    addCommand(),
    listCommand(),
    showCommand(),
    removeCommand(),
  ]);
}

type AddOptions = { databaseUrl?: string; region?: string; capacity?: number; maxBackends?: number };

function addCommand(): Command {
  const command = defineCommand("add", {
    summary: "register a database server; it is checked first",
    details: "A PostgreSQL from 15 on, and a role on it with CREATEDB and CREATEROLE, or a superuser.",
    examples: [
      "server add second --database-url postgres://tenantry:secret@db2.internal:5432/postgres",
      "server add second --database-url - --region eu-west --capacity 2000 < url.txt",
    ],
    calls: ["createServer"],
  })
    .argument("<name>", "what it is called here")
    .option(
      "--database-url <url>",
      "postgres://role:password@host:port/database; - reads it from standard input; else asked for",
    )
    .option("--region <region>", "where it stands")
    .option(
      "--capacity <number>",
      "how many databases it may hold; 10000 when left out",
      wholeNumber(1, 1_000_000),
    )
    .option(
      "--max-backends <number>",
      "how many connections applications may hold on it",
      wholeNumber(1, 100_000),
    );
  return overApi(command).action(async (name: string, options: AddOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const { region, capacity, maxBackends } = options;
    const body = { name, url: await urlOf(options), region, capacity, maxBackends };
    const { body: added } = await client.call<ServerReply>("POST", "/v1/servers", { body });
    output.result(added, showServer);
    for (const warning of added.warnings ?? []) output.note(warning);
  });
}

function urlOf({ databaseUrl: given }: AddOptions): Promise<string> {
  const variable = "TENANTRY_SERVER_DATABASE_URL";
  return readSecret({ given, variable, flag: "--database-url", question: "The server's URL" });
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list database servers",
    examples: ["server list"],
    calls: ["listServers"],
  });
  return overApi(addPageOptions(command)).action(async (options: PageOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const page = await fetchPages<ServerReply>(client, "/v1/servers", options);
    output.result(page, showServers);
    noteMore(output, page);
  });
}

export function showServers({ items }: { items: readonly ServerReply[] }, look: Look): string {
  const rows = items.map((server) => [
    server.name,
    server.host,
    server.version,
    server.region,
    `${server.databases} of ${server.capacity}`,
    state(server.state),
  ]);
  return table(look, ["server", "host", "version", "region", "databases", "state"], rows);
}

function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show a database server",
    examples: ["server show embedded"],
    calls: ["showServer"],
  }).argument("<server>", "its name or id");
  return overApi(command).action(async (server: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    output.result((await client.call<ServerReply>("GET", path`/v1/servers/${server}`)).body, showServer);
  });
}

function removeCommand(): Command {
  const command = defineCommand("remove", {
    summary: "take out a database server that nothing stands on",
    examples: ["server remove second"],
    calls: ["deleteServer"],
  }).argument("<server>", "its name or id");
  return overApi(command).action(async (server: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    await client.call("DELETE", path`/v1/servers/${server}`);
    output.result({ removed: server }, () => `${server} was taken out.`);
  });
}

function showServer(server: ServerReply, look: Look): string {
  return fields(look, [
    ["Server", server.name],
    ["Id", server.id],
    ["Host", server.host],
    ["PostgreSQL", server.version],
    ["Region", server.region],
    ["Databases", `${server.databases} of ${server.capacity}`],
    ["Connections", server.maxBackends],
    ["State", state(server.state)],
    ["Added", at(server.createdAt)],
  ]);
}

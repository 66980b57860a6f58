import type { ServerReply } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi, wholeNumber } from "../command.ts";
import { readSecret } from "../confirm.ts";
import type { Look } from "../output/look.ts";
import { at, fields, state, table } from "../output/table.ts";
import { requireChange } from "./require-change.ts";

/** `tenantry server …` */
export function serverCommand(): Command {
  return defineGroup("server", "the database servers that tenants' databases stand on", [
    addCommand(),
    listCommand(),
    showCommand(),
    updateCommand(),
    removeCommand(),
  ]);
}

type AddOptions = {
  databaseUrl?: string;
  poolerUrl?: string;
  region?: string;
  capacity?: number;
  maxBackends?: number;
  statementTimeout?: number;
  dedicated?: boolean;
  tenant?: string;
};

function addCommand(): Command {
  const command = defineCommand("add", {
    summary: "register a database server; it is checked first",
    details: "A PostgreSQL from 15 on, and a role on it with CREATEDB and CREATEROLE, or a superuser.",
    examples: [
      "server add second --database-url postgres://tenantry:secret@db2.internal:5432/postgres",
      "server add second --database-url - --region eu-west --capacity 2000 < url.txt",
      "server add large --database-url - --dedicated < url.txt",
      "server add pooled --database-url - --pooler-url postgres://pgbouncer.internal:6432 < url.txt",
      "server add acme-db --database-url - --tenant acme < url.txt",
    ],
    calls: ["createServer"],
  })
    .argument("<name>", "what it is called here")
    .option(
      "--database-url <url>",
      "postgres://role:password@host:port/database; - reads it from standard input; else asked for",
    )
    .option(
      "--pooler-url <url>",
      "a pooler in transaction mode, postgres://host:port, through which applications reach it",
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
    )
    .option(
      "--statement-timeout <ms>",
      "how long a statement of an application may take there, in milliseconds",
      wholeNumber(1, 86_400_000),
    )
    .option("--dedicated", "kept for one environment at the level dedicated")
    .option("--tenant <slug>", "a tenant's own: it takes that tenant's databases alone");
  return overApi(command).action(add);
}

async function add(name: string, options: AddOptions, self: Command): Promise<void> {
  takeServersUrl(self);
  const { client, output } = await contextOf(self);
  const {
    poolerUrl,
    region,
    capacity,
    maxBackends,
    statementTimeout: statementTimeoutMs,
    dedicated,
    tenant,
  } = options;
  const url = await urlOf(options);
  const body = {
    name,
    url,
    poolerUrl,
    region,
    capacity,
    maxBackends,
    statementTimeoutMs,
    dedicated,
    tenant,
  };
  const { body: added } = await client.call<ServerReply>("POST", "/v1/servers", { body });
  output.result(added, showServer);
  for (const warning of added.warnings ?? []) output.note(warning);
}

/** Who says `--url postgres://…` means the server; everywhere else it is where the installation is. */
function takeServersUrl(command: Command): void {
  const { url, databaseUrl } = command.opts<AddOptions & { url?: string }>();
  if (databaseUrl !== undefined || !/^postgres(ql)?:/i.test(url ?? "")) return;
  command.setOptionValue("databaseUrl", url).setOptionValue("url", undefined);
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
    server.tenant ?? (server.dedicated ? "one environment" : "any"),
    `${server.databases} of ${server.capacity}`,
    state(server.state),
  ]);
  return table(look, ["server", "host", "version", "region", "for", "databases", "state"], rows);
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

type UpdateOptions = {
  databaseUrl?: string;
  poolerUrl?: string | false;
  region?: string | false;
  capacity?: number;
  maxBackends?: number;
  statementTimeout?: number | false;
  drain?: boolean;
};

function updateCommand(): Command {
  const command = defineCommand("update", {
    summary: "change what is known of a database server, or let no more databases come to it",
    examples: [
      "server update second --drain",
      "server update second --no-drain --capacity 5000",
      "server update embedded --region eu-west",
      "server update second --database-url - < url.txt",
    ],
    calls: ["updateServer"],
  })
    .argument("<server>", "its name or id")
    .option("--database-url <url>", "another way to the same server: it is checked; - reads standard input")
    .option("--pooler-url <url>", "a pooler in transaction mode, through which applications reach it")
    .option("--no-pooler-url", "applications go straight to the server")
    .option("--region <region>", "where it stands")
    .option("--no-region", "it stands nowhere in particular")
    .option("--capacity <number>", "how many databases it may hold", wholeNumber(1, 1_000_000))
    .option(
      "--max-backends <number>",
      "how many connections applications may hold on it",
      wholeNumber(1, 100_000),
    )
    .option(
      "--statement-timeout <ms>",
      "how long a statement of an application may take there, in milliseconds",
      wholeNumber(1, 86_400_000),
    )
    .option("--no-statement-timeout", "as long as the application says")
    .option("--drain", "no more databases come to it; those that stand there stay")
    .option("--no-drain", "databases may come again");
  return overApi(command).action(async (server: string, options: UpdateOptions, self: Command) => {
    takeServersUrl(self);
    const { client, output } = await contextOf(self);
    const body = {
      url: options.databaseUrl === undefined ? undefined : await urlOf(options as AddOptions),
      poolerUrl: options.poolerUrl === false ? null : options.poolerUrl,
      region: options.region === false ? null : options.region,
      capacity: options.capacity,
      maxBackends: options.maxBackends,
      statementTimeoutMs: options.statementTimeout === false ? null : options.statementTimeout,
      state: options.drain === undefined ? undefined : options.drain ? "draining" : "ready",
    };
    requireChange(body, self);
    const { body: changed } = await client.call<ServerReply>("PATCH", path`/v1/servers/${server}`, { body });
    output.result(changed, showServer);
    for (const warning of changed.warnings ?? []) output.note(warning);
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
    ["Pooler", server.pooler],
    ["PostgreSQL", server.version],
    ["Region", server.region],
    ["For", forWhom(server)],
    ["Connection", server.protection && protections[server.protection]],
    ["Databases", `${server.databases} of ${server.capacity}`],
    ["Connections", server.maxBackends],
    ["Statement timeout", server.statementTimeoutMs === null ? null : `${server.statementTimeoutMs} ms`],
    ["State", state(server.state)],
    ["Added", at(server.createdAt)],
  ]);
}

function forWhom({ tenant, dedicated }: ServerReply): string {
  if (tenant !== null) return `the tenant ${tenant} alone`;
  return dedicated ? "one environment at the level dedicated" : "any tenant";
}

const protections = {
  verified: "encrypted, certificate checked",
  encrypted: "encrypted, but nobody checks who answers",
  none: "not encrypted",
  local: "within this machine",
};

import type { CacheServerReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi, wholeNumber } from "../command.ts";
import { readSecret } from "../confirm.ts";
import type { Look } from "../output/look.ts";
import { at, fields, table } from "../output/table.ts";

/** `tenantry cache …` */
export function cacheCommand(): Command {
  return defineGroup("cache", "the Redis servers that tenants' caches stand on", [
    addCommand(),
    listCommand(),
    showCommand(),
    removeCommand(),
  ]);
}

type AddOptions = { redisUrl?: string; own?: boolean; region?: string; capacity?: number };

function addCommand(): Command {
  const command = defineCommand("add", {
    summary: "register a Redis; it is tried out first",
    details: "A Redis from 6.2 on, and a user there who may do everything.",
    examples: [
      "cache add first --redis-url redis://tenantry:secret@redis.internal:6379",
      "cache add eighth --own --redis-url - --region eu-west < url.txt",
    ],
    calls: ["createCacheServer"],
  })
    .argument("<name>", "what it is called here")
    .option(
      "--redis-url <url>",
      "redis://user:password@host:port; - reads it from standard input; else asked for",
    )
    .option("--own", "keep it for one tenant that asks for a server of its own")
    .option("--region <region>", "where it stands")
    .addOption(
      new Option("--capacity <number>", "how many environments it may hold; 10000 when left out").argParser(
        wholeNumber(1, 1_000_000),
      ),
    );
  return overApi(command).action(async (name: string, options: AddOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const { own, region, capacity } = options;
    const body = { name, url: await urlOf(options), purpose: own ? "own" : "shared", region, capacity };
    const { body: added } = await client.call<CacheServerReply>("POST", "/v1/cache-servers", { body });
    output.result(added, showServer);
    for (const warning of added.warnings ?? []) output.note(warning);
  });
}

function urlOf({ redisUrl: given }: AddOptions): Promise<string> {
  const variable = "TENANTRY_CACHE_REDIS_URL";
  return readSecret({ given, variable, flag: "--redis-url", question: "The server's URL" });
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list cache servers",
    examples: ["cache list"],
    calls: ["listCacheServers"],
  });
  return overApi(addPageOptions(command)).action(async (options: PageOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const page = await fetchPages<CacheServerReply>(client, "/v1/cache-servers", options);
    output.result(page, showServers);
    noteMore(output, page);
  });
}

function showServers({ items }: { items: readonly CacheServerReply[] }, look: Look): string {
  const rows = items.map((server) => [
    server.name,
    server.host,
    server.version,
    server.levels.join(", "),
    server.region,
    `${server.caches} of ${server.capacity}`,
  ]);
  return table(look, ["server", "host", "version", "levels", "region", "caches"], rows);
}

function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show a cache server",
    examples: ["cache show first"],
    calls: ["showCacheServer"],
  }).argument("<server>", "its name or id");
  return overApi(command).action(async (server: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const { body } = await client.call<CacheServerReply>("GET", path`/v1/cache-servers/${server}`);
    output.result(body, showServer);
  });
}

function removeCommand(): Command {
  const command = defineCommand("remove", {
    summary: "take out a cache server that no tenant's cache stands on",
    examples: ["cache remove first"],
    calls: ["deleteCacheServer"],
  }).argument("<server>", "its name or id");
  return overApi(command).action(async (server: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    await client.call("DELETE", path`/v1/cache-servers/${server}`);
    output.result({ removed: server }, () => `${server} was taken out.`);
  });
}

function showServer(server: CacheServerReply, look: Look): string {
  return fields(look, [
    ["Server", server.name],
    ["Id", server.id],
    ["Host", server.host],
    ["Redis", server.version],
    ["Levels", server.levels.join(", ")],
    ["Region", server.region],
    ["Caches", `${server.caches} of ${server.capacity}`],
    ["Added", at(server.createdAt)],
  ]);
}

import type { OperationReply, PromotionListReply, TenantReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { path } from "../../api/path.ts";
import { presets } from "../../choices.ts";
import { type Context, contextOf, defineCommand, overApi } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { followOperation } from "../../follow/follow.ts";
import { table } from "../../output/table.ts";
import { wrongUsage } from "../../problem.ts";
import { tellStarted } from "../started.ts";
import { addLevelOptions, isolationOf, type MakingOptions } from "./making.ts";
import { placeOf } from "./places.ts";

type Options = Omit<MakingOptions, "adminEmail" | "adminPassword"> & {
  due?: boolean;
  preset?: string;
  server?: string;
  storageServer?: string;
  cacheServer?: string;
  environment: string;
  yes?: boolean;
};

/** `tenantry tenant move`: other levels or servers for a tenant. */
export function moveCommand(): Command {
  const command = defineCommand("move", {
    summary: "move a tenant's database, files and cache to other levels or servers",
    details:
      "Visitors are told to come back while rows, and files that were put lately, are copied and compared. Until the tenant is sent to its new place, a failure or `tenantry operation cancel` leaves it where it was, and open.",
    examples: [
      "tenant move acme --level database --yes --wait",
      "tenant move acme --storage bucket --yes --wait",
      "tenant move acme --storage-server minio-2 --yes",
      "tenant move acme --level dedicated --server berlin-2 --yes",
      "tenant move --due",
    ],
    calls: ["showTenant", "moveEnvironment", "followOperation", "listPromotions"],
  })
    .argument("[tenant]", "its slug or id")
    .addOption(new Option("--preset <preset>", "how all of it is kept apart").choices(presets));
  addLevelOptions(command)
    .option("--server <server>", "the database server that it goes to; any that fits when left out")
    .option(
      "--storage-server <server>",
      "the S3 server that its files go to, or `disk`; any that fits when left out",
    )
    .option(
      "--cache-server <server>",
      "the Redis that its cache goes to, or `memory`; any that fits when left out",
    )
    .option("--environment <name>", "which of its environments", "production")
    .option("--due", "only list who has outgrown his level by the rules (setting promotions)")
    .option("--wait", "wait until it is there, and show how far it is")
    .option("--yes", "without asking");
  return overApi(command).action(move);
}

async function move(tenant: string | undefined, options: Options, command: Command): Promise<void> {
  if (options.due) return listDue(await contextOf(command));
  if (tenant === undefined)
    throw wrongUsage(
      "There is nobody to move.",
      "Name a tenant, or give --due to see who has outgrown his level.",
    );
  const { preset, server, storageServer, cacheServer, environment } = options;
  const body = { preset, isolation: isolationOf(options), server, storageServer, cacheServer };
  const where = Object.values({ ...body, ...body.isolation, isolation: undefined }).filter(Boolean);
  if (where.length === 0)
    throw wrongUsage(
      "There is nowhere to move it to.",
      "Give a level (--level, --storage, --cache) or a server.",
    );
  const context = await contextOf(command);
  const { client, output } = context;
  if (!options.yes) {
    const { slug } = await show(context, tenant);
    await confirm(
      `Move ${slug} to ${where.join(", ")}? Its visitors are told to come back while it is copied.`,
    );
  }
  const address = path`/v1/tenants/${tenant}/environments/${environment}/move`;
  const { body: operation } = await client.call<OperationReply>("POST", address, { body });
  if (!options.wait) return tellStarted(output, operation);
  await followOperation(context, operation.id);
  output.result(await show(context, operation.tenantId!), ({ slug, environments }) => {
    const placements = environments.find(({ name }) => name === environment)?.placements;
    if (!placements) return `${slug} was moved.`;
    const place = (kind: "database" | "storage" | "cache") => placeOf(placements, kind);
    return `${slug} now has: database ${place("database")}, files ${place("storage")}, cache ${place("cache")}.`;
  });
}

async function show({ client }: Context, tenant: string): Promise<TenantReply> {
  return (await client.call<TenantReply>("GET", path`/v1/tenants/${tenant}`)).body;
}

async function listDue({ client, output }: Context): Promise<void> {
  const { body } = await client.call<PromotionListReply>("GET", "/v1/promotions");
  output.result(body, ({ items }, look) => {
    if (items.length === 0) return "Nobody has outgrown his level.";
    const lines = items.map(({ tenant, environment, from, to, bytes, whenBytesAbove, isOpen }) => [
      environment === "production" ? tenant : `${tenant}--${environment}`,
      `${from} to ${to}`,
      `${size(bytes)} of ${size(whenBytesAbove)}`,
      isOpen ? "within minutes" : "in its hours",
    ]);
    return table(look, ["tenant", "moves", "size", "when"], lines);
  });
}

const size = (bytes: number): string =>
  `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;

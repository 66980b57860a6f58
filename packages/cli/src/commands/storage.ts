import type { StorageServerReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi, wholeNumber } from "../command.ts";
import { readSecret } from "../confirm.ts";
import type { Look } from "../output/look.ts";
import { at, fields, table } from "../output/table.ts";

/** `tenantry storage …` */
export function storageCommand(): Command {
  return defineGroup("storage", "the S3 servers that tenants' files stand on", [
    addCommand(),
    listCommand(),
    showCommand(),
    removeCommand(),
  ]);
}

type AddOptions = {
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey?: string;
  signingRegion?: string;
  own?: boolean;
  tenant?: string;
  users?: string;
  role?: string;
  stsEndpoint?: string;
  region?: string;
  capacity?: number;
};

function addCommand(): Command {
  const command = defineCommand("add", {
    summary: "register an S3 server; it is tried out first",
    details:
      "A bucket that stands already and is for this installation alone, and a key that may do all in it.",
    examples: [
      "storage add ceph --endpoint https://s3.internal --bucket tenantry --access-key AKIA4 --secret-key - --users ceph < secret.txt",
      "storage add acme --own --tenant acme --endpoint https://s3.eu-central-1.amazonaws.com --signing-region eu-central-1 --bucket acme-files --access-key AKIA5 --secret-key - < secret.txt",
    ],
    calls: ["createStorageServer"],
  })
    .argument("<name>", "what it is called here")
    .requiredOption("--endpoint <url>", "https://host, with a port where it needs one")
    .requiredOption("--bucket <name>", "the bucket; those of tenants are called after it")
    .requiredOption("--access-key <id>", "the key's id")
    .option("--secret-key <secret>", "the key's secret; - reads it from standard input; else asked for")
    .option("--signing-region <region>", "the server's own name of its region; us-east-1 when left out")
    .option("--own", "keep it for one tenant that asks for a server of its own")
    .option("--tenant <slug>", "whose it is: nobody else gets it")
    .addOption(new Option("--users <how>", "how each environment gets a user of its own").choices(["ceph"]))
    .option("--role <arn>", "the role by which applications get keys for a time, where no users are made")
    .option("--sts-endpoint <url>", "where the STS is; AWS's own, else the S3 server, when left out")
    .option("--region <region>", "where it stands")
    .option(
      "--capacity <number>",
      "how many environments it may hold; 10000 when left out",
      wholeNumber(1, 1_000_000),
    );
  return overApi(command).action(async (name: string, options: AddOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const { endpoint, bucket, signingRegion, own, tenant, users, region, capacity } = options;
    const body = {
      ...{ name, endpoint, bucket, signingRegion, tenant, users, region, capacity },
      ...{ roleArn: options.role, stsEndpoint: options.stsEndpoint },
      accessKeyId: options.accessKey,
      secretAccessKey: await secretOf(options),
      purpose: own ? "own" : "shared",
    };
    const { body: added } = await client.call<StorageServerReply>("POST", "/v1/storage-servers", { body });
    output.result(added, showServer);
    for (const warning of added.warnings ?? []) output.note(warning);
  });
}

function secretOf({ secretKey: given }: AddOptions): Promise<string> {
  const variable = "TENANTRY_STORAGE_SECRET_KEY";
  return readSecret({ given, variable, flag: "--secret-key", question: "The key's secret" });
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list S3 servers",
    examples: ["storage list"],
    calls: ["listStorageServers"],
  });
  return overApi(addPageOptions(command)).action(async (options: PageOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const page = await fetchPages<StorageServerReply>(client, "/v1/storage-servers", options);
    output.result(page, showServers);
    noteMore(output, page);
  });
}

function showServers({ items }: { items: readonly StorageServerReply[] }, look: Look): string {
  const rows = items.map((server) => [
    server.name,
    server.endpoint,
    server.bucket,
    server.levels.join(", "),
    server.region,
    server.tenant,
    `${server.environments} of ${server.capacity}`,
  ]);
  return table(look, ["server", "endpoint", "bucket", "levels", "region", "tenant", "environments"], rows);
}

function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show an S3 server",
    examples: ["storage show ceph"],
    calls: ["showStorageServer"],
  }).argument("<server>", "its name or id");
  return overApi(command).action(async (server: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const { body } = await client.call<StorageServerReply>("GET", path`/v1/storage-servers/${server}`);
    output.result(body, showServer);
  });
}

function removeCommand(): Command {
  const command = defineCommand("remove", {
    summary: "take out an S3 server that no tenant's files stand on",
    examples: ["storage remove ceph"],
    calls: ["deleteStorageServer"],
  }).argument("<server>", "its name or id");
  return overApi(command).action(async (server: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    await client.call("DELETE", path`/v1/storage-servers/${server}`);
    output.result({ removed: server }, () => `${server} was taken out.`);
  });
}

function showServer(server: StorageServerReply, look: Look): string {
  return fields(look, [
    ["Server", server.name],
    ["Id", server.id],
    ["Endpoint", server.endpoint],
    ["Bucket", server.bucket],
    ["Key", server.accessKeyId],
    ["Users", server.users],
    ["Role", server.roleArn],
    ["Keys", `${server.keys.prefix} at prefix, ${server.keys.bucket} at bucket`],
    ["Levels", server.levels.join(", ")],
    ["Region", server.region],
    ["Tenant", server.tenant],
    ["Environments", `${server.environments} of ${server.capacity}`],
    ["Added", at(server.createdAt)],
  ]);
}

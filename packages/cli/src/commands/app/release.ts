import path from "node:path";
import type { AppReply, MigrationListReply, OperationReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { path as apiPath } from "../../api/path.ts";
import { collect, contextOf, defineCommand, overApi, wholeNumber } from "../../command.ts";
import { followOperation } from "../../follow/follow.ts";
import { wrongUsage } from "../../problem.ts";
import { splitPair } from "../../settings.ts";
import { tellStarted } from "../started.ts";
import { readMigrations } from "./migrations.ts";

type ReleaseOptions = {
  migrations?: string;
  upstream?: string;
  command?: string;
  directory?: string;
  variable?: string[];
  health?: string;
  maxFailures?: number;
  wait?: boolean;
};

type CreatedApp = AppReply & { appKey: string; operationId: string };

export function createCommand(): Command {
  const command = defineCommand("create", {
    summary: "add an application",
    details: "Prints the key that its processes need; one that Tenantry starts finds it as TENANTRY_APP_KEY.",
    examples: [
      'app create notes --migrations ./migrations --command "node main.js" --wait',
      "app create notes --migrations ./migrations --upstream http://127.0.0.1:3000",
    ],
    calls: ["createApp", "followOperation"],
  });
  return addReleaseOptions(
    command.argument("<name>", "lower-case letters, digits and single hyphens"),
  ).action(create);
}

async function create(slug: string, options: ReleaseOptions, command: Command): Promise<void> {
  const context = await contextOf(command);
  const { client, output } = context;
  const body = { slug, ...(await releaseBody(options)) };
  const { body: app } = await client.call<CreatedApp>("POST", "/v1/apps", { body });
  // The key is shown this once: before the wait, which may fail, or last until the application was started with it.
  output.result(app, ({ appKey }) =>
    [
      `The application ${slug} was added. Its key, shown only now:`,
      "",
      `  TENANTRY_APP_KEY=${appKey}`,
      "",
    ].join("\n"),
  );
  if (options.wait) {
    await followOperation(context, app.operationId);
    output.note(`Tenants can run it: tenantry tenant create <slug> --name <name> --app ${slug}`);
  } else {
    output.note(`Tenants can run it once this is done: tenantry operation watch ${app.operationId}`);
  }
}

export function releaseCommand(): Command {
  const command = defineCommand("release", {
    summary: "release a new version of an application",
    details:
      "Give all its migrations each time: those that were applied must be as they were. A tenant whose database can't be " +
      "migrated keeps the release it has; `migrate --status --failed` names it.",
    examples: ['app release notes --migrations ./migrations --command "node main.js" --wait'],
    calls: ["createRelease", "followOperation", "listMigrations"],
  });
  command
    .argument("<app>", "its name or id")
    .option(
      "--max-failures <number>",
      "environments that may fail to be migrated, and keep the release they have; a twentieth when left out",
      wholeNumber(0, 1_000_000),
    );
  return addReleaseOptions(command).action(release);
}

async function release(app: string, options: ReleaseOptions, command: Command): Promise<void> {
  const context = await contextOf(command);
  const target = apiPath`/v1/apps/${app}/releases`;
  const body = await releaseBody(options);
  const { body: started } = await context.client.call<OperationReply>("POST", target, { body });
  if (!options.wait) return tellStarted(context.output, started);
  const ended = await followOperation(context, started.id);
  context.output.result(ended, () => `${app} was released.`);
  const { counts } = (
    await context.client.call<MigrationListReply>("GET", apiPath`/v1/apps/${app}/migrations`, {
      query: { limit: 1 },
    })
  ).body;
  if (counts.heldBack === 0) return;
  const kept =
    counts.heldBack === 1
      ? "1 environment couldn't follow and keeps"
      : `${counts.heldBack} environments couldn't follow and keep`;
  context.output.note(
    `${kept} an older release. Which, and why: tenantry migrate --status --failed --app ${app}`,
  );
}

function addReleaseOptions(command: Command): Command {
  command
    .addOption(
      new Option(
        "--command <command>",
        "how to start it, when Tenantry is to run it; it listens on $PORT",
      ).conflicts("upstream"),
    )
    .option("--upstream <url>", "where it answers, when you run it yourself")
    .option("--migrations <dir>", "its migrations: .sql files, applied in the order of their names")
    .addOption(
      new Option("--directory <dir>", "where the command is run; here when left out").conflicts("upstream"),
    )
    .option("--variable <name=value>", "an environment variable for it (repeatable)", collect)
    .option("--health <path>", "answers with 200 when it is well; / when left out")
    .option("--wait", "wait until tenants can run it, and show how far it is");
  return overApi(command);
}

async function releaseBody(options: ReleaseOptions) {
  const { command, upstream, directory, variable = [], health } = options;
  if (command === undefined && upstream === undefined) {
    throw wrongUsage("Who runs it isn't said.", "Give --command, or --upstream when you run it yourself.");
  }
  return {
    migrations: options.migrations === undefined ? [] : await readMigrations(options.migrations),
    upstreamUrl: upstream,
    command,
    workingDirectory: command === undefined ? undefined : path.resolve(directory ?? "."),
    variables: Object.fromEntries(variable.map((pair) => splitPair(pair, "name=value"))),
    healthPath: health,
    maxFailures: options.maxFailures,
  };
}

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { AppReply, OperationReply } from "@tenantry/contract";
import { Command } from "commander";
import { contextOf } from "../context.ts";
import { followOperation } from "../follow.ts";
import { collect } from "../options.ts";
import { fields, table } from "../output.ts";
import { addPageOptions, type PageOptions, pageThrough } from "../pages.ts";
import { CliError } from "../problem.ts";

type ReleaseOptions = {
  migrations?: string;
  upstream?: string;
  command?: string;
  directory?: string;
  variable?: string[];
  health?: string;
  wait?: boolean;
};

type CreatedApp = AppReply & { appKey: string; operationId: string };

/** `tenantry app …` */
export function appCommand(): Command {
  const app = new Command("app").description("the applications that tenants run");
  addWrites(app);
  addReads(app);
  return app;
}

function addWrites(parent: Command): void {
  addReleaseOptions(parent.command("create").argument("<name>", "lower-case letters, digits, hyphens"))
    .description("add an application")
    .action(async (slug: string, options: ReleaseOptions, command: Command) => {
      const { client, output } = await contextOf(command);
      const body = { slug, ...(await releaseBody(options)) };
      const { body: app } = await client.call<CreatedApp>("POST", "/v1/apps", { body });
      if (options.wait) await followOperation(client, app.operationId, output);
      output.result(app, ({ appKey, operationId }) =>
        [
          `The application ${slug} was added. Its key, shown only now:`,
          "",
          `  TENANTRY_APP_KEY=${appKey}`,
          "",
          options.wait
            ? `Tenants can run it: tenantry tenant create <slug> --name <name> --app ${slug}`
            : `Tenants can run it once this is done: tenantry operation watch ${operationId}`,
        ].join("\n"),
      );
    });
  addReleaseOptions(parent.command("release").argument("<app>", "its name or id"))
    .description("release a new version of an application")
    .action(async (app: string, options: ReleaseOptions, command: Command) => {
      const { client, output } = await contextOf(command);
      const target = `/v1/apps/${encodeURIComponent(app)}/releases`;
      const body = await releaseBody(options);
      const { body: started } = await client.call<OperationReply>("POST", target, { body });
      const operation = options.wait ? await followOperation(client, started.id, output) : started;
      output.result(operation, ({ id, status }) =>
        status === "succeeded" ? `Released.` : `Started. Follow it with: tenantry operation watch ${id}`,
      );
    });
}

function addReleaseOptions(command: Command): Command {
  return command
    .option("--migrations <dir>", "its migrations: .sql files, applied in the order of their names")
    .option("--upstream <url>", "where it answers, when you run it yourself")
    .option("--command <command>", "how to start it, when Tenantry is to run it; it listens on $PORT")
    .option("--directory <dir>", "where the command is run; here when left out")
    .option("--variable <name=value>", "an environment variable for it (repeatable)", collect)
    .option("--health <path>", "answers when it is well; / when left out")
    .option("--wait", "wait until tenants can run it");
}

async function releaseBody(options: ReleaseOptions) {
  return {
    migrations: options.migrations ? await readMigrations(options.migrations) : [],
    upstreamUrl: options.upstream,
    command: options.command,
    workingDirectory: options.command ? path.resolve(options.directory ?? ".") : undefined,
    variables: Object.fromEntries((options.variable ?? []).map(variable)),
    healthPath: options.health,
  };
}

function variable(pair: string): [string, string] {
  const at = pair.indexOf("=");
  if (at < 1) throw new CliError(`"${pair}" is not of the form name=value.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

async function readMigrations(directory: string): Promise<{ name: string; sql: string }[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`The directory ${directory} can't be read: ${error.message}`, { cause: error });
  });
  const files = names.filter((name) => name.endsWith(".sql")).sort();
  if (files.length === 0) throw new CliError(`There are no .sql files in ${directory}.`);
  return Promise.all(
    files.map(async (name) => ({ name, sql: await readFile(path.join(directory, name), "utf8") })),
  );
}

function addReads(parent: Command): void {
  addPageOptions(parent.command("list"))
    .description("list applications")
    .action(async (options: PageOptions, command: Command) => {
      const { client, output } = await contextOf(command);
      const page = await pageThrough<AppReply>(client, "/v1/apps", options);
      output.result(page, ({ items }) =>
        table(
          ["app", "release", "runs", "tenants", "instances"],
          items.map((app) => [
            app.slug,
            app.currentRelease?.number,
            app.currentRelease?.upstreamUrl ?? app.currentRelease?.command,
            app.tenants,
            app.instances.map((instance) => instance.state).join(", "),
          ]),
        ),
      );
    });
  parent
    .command("show")
    .argument("<app>", "its name or id")
    .description("show an application and its running instances")
    .action(async (app: string, _options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      const { body } = await client.call<AppReply>("GET", `/v1/apps/${encodeURIComponent(app)}`);
      output.result(body, showApp);
    });
}

function showApp(app: AppReply): string {
  const own = fields([
    ["App", app.slug],
    ["Id", app.id],
    ["Release", app.currentRelease?.number],
    ["Upstream", app.currentRelease?.upstreamUrl],
    ["Command", app.currentRelease?.command],
    ["Schema", app.schemaVersion],
    ["Tenants", app.tenants],
  ]);
  const instances = app.instances.map(({ id, state, url, restarts, lastError }) => [
    id,
    state,
    url,
    restarts,
    lastError,
  ]);
  if (instances.length === 0) return own;
  return `${own}\n\n${table(["instance", "state", "address", "restarts", "last error"], instances)}`;
}

import type {
  EnvironmentMigration,
  MigrationListReply,
  MigrationPlanReply,
  OperationReply,
} from "@tenantry/contract";
import { type Command, Option } from "commander";
import { fetchPages } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { type Context, contextOf, defineCommand, overApi, wholeNumber } from "../command.ts";
import { followOperation } from "../follow/follow.ts";
import { fetchResult } from "../follow/result.ts";
import type { Look } from "../output/look.ts";
import { at, state, table } from "../output/table.ts";
import { visibleLine } from "../output/text.ts";
import { readMigrations } from "./app/migrations.ts";
import { appsOf, type Whose } from "./whose.ts";

type Options = Whose & {
  concurrency?: number;
  status?: boolean;
  failed?: boolean;
  dryRun?: boolean;
  migrations?: string;
  wait?: boolean;
};

type Narrowed = { tenant?: string | undefined; group?: string | undefined };

/** `tenantry migrate` */
export function migrateCommand(): Command {
  const command = defineCommand("migrate", {
    summary: "bring tenants' databases to their application's current schema",
    details:
      "A release migrates them itself; this goes on with those that failed then. One that fails keeps nobody else from it. " +
      "Of all applications, unless one is named.",
    examples: [
      "migrate --app notes --wait",
      "migrate --tenant acme --wait",
      "migrate --status --failed",
      "migrate --app notes --dry-run --migrations ./migrations --tenant acme",
    ],
    calls: [
      "listApps",
      "showTenant",
      "startMigration",
      "followOperation",
      "listMigrations",
      "listOperations",
      "planMigration",
    ],
  })
    .option("--app <app>", "of this application alone")
    .addOption(new Option("--tenant <tenant>", "of this tenant alone").conflicts("group"))
    .option("--group <group>", "of the tenants of this group alone")
    .option(
      "--concurrency <number>",
      "databases at once, as far as their servers allow; 8, and 4 on a server, when left out",
      wholeNumber(1, 64),
    )
    .addOption(new Option("--status", "show how far each is, and change nothing").conflicts("dryRun"))
    .option("--failed", "with --status: only those that couldn't be migrated")
    .option("--dry-run", "say whose databases would get what; try it on a copy of --tenant, or of none")
    .option("--migrations <dir>", "with --dry-run: as if these came with a release")
    .option("--wait", "wait for the end, and show how far it is");
  return overApi(command).action(migrate);
}

async function migrate(options: Options, command: Command): Promise<void> {
  const context = await contextOf(command);
  const apps = await appsOf(context.client, options);
  const narrowed: Narrowed = { tenant: options.tenant, group: options.group };
  if (options.status) return showStatus(context, apps, narrowed, options.failed ?? false);
  if (options.dryRun) return showPlans(context, apps, narrowed, options.migrations);
  const started: OperationReply[] = [];
  for (const app of apps) {
    const body = { ...narrowed, concurrency: options.concurrency };
    const target = path`/v1/apps/${app}/migrations`;
    const { body: operation } = await context.client.call<OperationReply>("POST", target, { body });
    started.push(options.wait ? await followOperation(context, operation.id) : operation);
  }
  context.output.result({ items: started }, () =>
    options.wait
      ? `Every database of ${apps.join(", ")} that was meant has the current schema.`
      : started.map(({ id }) => `Started. Follow it with: tenantry operation watch ${id}`).join("\n"),
  );
}

type Status = Omit<MigrationListReply, "nextCursor"> & { app: string };

async function showStatus(
  { client, output }: Context,
  apps: readonly string[],
  narrowed: Narrowed,
  onlyFailed: boolean,
): Promise<void> {
  const found: Status[] = [];
  for (const app of apps) {
    const target = path`/v1/apps/${app}/migrations`;
    const state = onlyFailed ? "failed" : undefined;
    const query = { ...narrowed, state, limit: 1 };
    const { schemaVersion, counts } = (await client.call<MigrationListReply>("GET", target, { query })).body;
    const filter = { ...narrowed, state };
    const { items } = await fetchPages<EnvironmentMigration>(client, target, { all: true }, filter);
    found.push({ app, schemaVersion, counts, items });
  }
  const atWork = output.json ? [] : await fetchAtWork(client);
  output.result({ items: found }, ({ items }, look) =>
    [...items.map((status) => showOne(status, look)), ...atWork.map(showAtWork)].join("\n\n"),
  );
}

/** Releases and migrations that are under way, of whatever application. */
async function fetchAtWork(client: Context["client"]): Promise<OperationReply[]> {
  const found = await Promise.all(
    ["app.release", "app.migrate"].map((kind) =>
      fetchPages<OperationReply>(client, "/v1/operations", { all: true }, { kind, status: "running" }),
    ),
  );
  return found.flatMap(({ items }) => items);
}

function showAtWork({ id, kind, progress, message }: OperationReply): string {
  const what = kind === "app.release" ? "A release" : "A migration";
  const far = [`${Math.floor(progress * 100)} %`, message && visibleLine(message)].filter(Boolean).join(", ");
  return `${what} is under way: ${far}. Follow it with: tenantry operation watch ${id}`;
}

/** Those first for whom there is something to do. */
const urgency = { failed: 0, behind: 1, current: 2 } as const;

function showOne({ app, schemaVersion, counts, items }: Status, look: Look): string {
  const held = counts.heldBack > 0 ? `, ${counts.heldBack} kept at an older release` : "";
  const summary =
    `${app}: ${counts.current} of ${counts.environments} at schema version ${schemaVersion}, ` +
    `${counts.behind} behind, ${counts.failed} failed${held}`;
  if (items.length === 0) return summary;
  const ordered = [...items].sort((one, other) => urgency[one.state] - urgency[other.state]);
  const rows = ordered.map((one) => [
    one.environment === "production" ? one.tenantSlug : `${one.tenantSlug}--${one.environment}`,
    one.level,
    one.schemaVersion,
    state(one.state),
    one.heldRelease,
    at(one.failure?.failedAt ?? null),
    one.failure?.detail,
  ]);
  const shown = table(look, ["tenant", "level", "schema", "state", "kept at", "failed", "reason"], rows);
  const [first, ...others] = ordered.filter(({ failure }) => failure);
  if (!first) return `${summary}\n\n${shown}`;
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  const told = `${first.tenantSlug}: ${visibleLine(first.failure!.detail)}${more}`;
  // A release that failed as a whole took its files with it.
  const isReleased = first.failure!.targetVersion <= schemaVersion;
  const next = isReleased ? `run: tenantry migrate --app ${app} --wait` : "release again.";
  return `${summary}\n\n${shown}\n\n${told}\nMend the cause, then ${next}`;
}

async function showPlans(
  context: Context,
  apps: readonly string[],
  narrowed: Narrowed,
  directory: string | undefined,
): Promise<void> {
  const migrations = directory === undefined ? undefined : await readMigrations(directory);
  const plans: (MigrationPlanReply & { app: string })[] = [];
  for (const app of apps) {
    plans.push({ app, ...(await fetchPlan(context, app, { ...narrowed, migrations })) });
  }
  context.output.result({ items: plans }, ({ items }, look) =>
    items.map((plan) => showPlan(plan, look)).join("\n\n"),
  );
}

/** The check comes first, then the copy. */
function fetchPlan(context: Context, app: string, body: object): Promise<MigrationPlanReply> {
  const target = path`/v1/apps/${app}/migrations/plan`;
  return fetchResult(context, target, (rehearsal) => ({ ...body, rehearsal }));
}

function showPlan(
  { app, schemaVersion, groups, tried, refused, rehearsal }: MigrationPlanReply & { app: string },
  look: Look,
) {
  const parts = [`${app}, to schema version ${schemaVersion}:`];
  if (groups.length === 0) parts[0] += " nobody is behind.";
  else {
    const rows = groups.map((group) => [
      group.level,
      group.schemaVersion,
      group.databases,
      group.tenants.join(", ") + (group.environments > group.tenants.length ? ", …" : ""),
      group.pending.join(", "),
    ]);
    parts.push(table(look, ["level", "from", "databases", "tenants", "files"], rows));
  }
  for (const { level, object, problem, remedy } of refused)
    parts.push(`${object} (refused at ${level})\n  ${problem}\n  ${remedy}`);
  if (rehearsal) parts.push(...showRehearsal(rehearsal, look));
  else if (tried) parts.push("The files work on an empty database.");
  return parts.join("\n\n");
}

function showRehearsal(
  { tenant, rows, files }: NonNullable<MigrationPlanReply["rehearsal"]>,
  look: Look,
): string[] {
  const copy = tenant === null ? "a database without rows" : `a copy of ${tenant} with ${rows} rows`;
  const lines = files.map(({ name, transactional, tookMs, locks }) => [
    name,
    `${tookMs} ms`,
    transactional ? showLocks(locks) || "nobody waits" : "not known: it runs without a transaction",
  ]);
  const untold =
    tenant === null
      ? "How long they take, and whether rows fit them, only rows can tell: name a tenant with --tenant."
      : "It tells nothing of other tenants' rows, nor of what waits while the application is in use.";
  return [`On ${copy}:\n${table(look, ["file", "took", "while it runs"], lines)}`, untold];
}

type Lock = NonNullable<MigrationPlanReply["rehearsal"]>["files"][number]["locks"][number];

/** Tables that keep the same people waiting are named together. */
function showLocks(locks: readonly Lock[]): string {
  const alike = Map.groupBy(locks, ({ blocks, rewritten }) => JSON.stringify([blocks, rewritten]));
  return [...alike.values()]
    .map((group) => {
      const { blocks, rewritten } = group[0]!;
      const names = group.map(({ table: name }) => name).join(", ");
      return `${blocks} of ${names} wait${rewritten ? ", all of it is written anew" : ""}`;
    })
    .join("; ");
}

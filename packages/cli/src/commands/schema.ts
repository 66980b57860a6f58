import type {
  DatabaseLevel,
  DriftedDatabase,
  DriftReply,
  OperationReply,
  SchemaCheckReply,
} from "@tenantry/contract";
import { type Command, Option } from "commander";
import { fetchPages } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { databaseLevels } from "../choices.ts";
import { contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import { followOperation } from "../follow/follow.ts";
import { fetchResult } from "../follow/result.ts";
import type { Look } from "../output/look.ts";
import { state, table } from "../output/table.ts";
import { refusal } from "../problem.ts";
import { readMigrations } from "./app/migrations.ts";
import { appsOf, type Whose } from "./whose.ts";

/** `tenantry schema …` */
export function schemaCommand(): Command {
  return defineGroup("schema", "what works at which database level, and what databases hold", [
    checkCommand(),
    driftCommand(),
  ]);
}

type CheckOptions = { level?: DatabaseLevel };

function checkCommand(): Command {
  const command = defineCommand("check", {
    summary: "say at which database levels an application's migrations work, by file and line",
    details:
      "They are applied to an empty database on a server of the installation, which is removed again. What is refused " +
      "at a level keeps tenants from it; what differs works, but not quite as on a server of its own. With --level, " +
      "exit code 1 when it doesn't work there.",
    examples: ["schema check ./migrations", "schema check ./migrations --level shared --json"],
    calls: ["checkSchema", "followOperation"],
  })
    .argument("<directory>", "where the .sql files are")
    .addOption(new Option("--level <level>", "has to work at this database level").choices(databaseLevels));
  return overApi(command).action(async (directory: string, { level }: CheckOptions, self: Command) => {
    const context = await contextOf(self);
    const migrations = await readMigrations(directory);
    const found = await fetchResult<SchemaCheckReply>(context, "/v1/schema-checks", (check) => ({
      migrations,
      check,
    }));
    context.output.result(found, showCheck);
    if (level !== undefined) requireLevel(found, level);
  });
}

function requireLevel({ levels }: SchemaCheckReply, wanted: DatabaseLevel): void {
  if (levels.some(({ level, works }) => level === wanted && works)) return;
  throw refusal("level_refuses", `The migrations don't work at the level ${wanted}.`, {
    remedy: "Mend what is named above for that level, or choose another one.",
  });
}

function showCheck({ levels, findings }: SchemaCheckReply, look: Look): string {
  const summary = table(
    look,
    ["level", "works"],
    levels.map(({ level, works }) => [level, state(works ? "yes" : "no")]),
  );
  const told = findings.map(({ level, severity, object, file, line, problem, remedy }) =>
    [
      `${file === null ? "somewhere" : `${file}:${line}`} ${object} (${level}: ${severity})`,
      `  ${problem}`,
      `  ${remedy}`,
    ].join("\n"),
  );
  return [summary, ...told].join("\n\n");
}

type DriftOptions = Whose & { last?: boolean };

function driftCommand(): Command {
  const command = defineCommand("drift", {
    summary: "compare tenants' databases with what their application's migrations make",
    details:
      "Each is compared with one that is built anew and removed again: tables, columns, indexes, functions and all else, " +
      "never rows. Exit code 1 when one differs. Of all applications, unless one is named.",
    examples: ["schema drift", "schema drift --tenant acme", "schema drift --app notes --last --json"],
    calls: ["listApps", "showTenant", "startDriftCheck", "followOperation", "listDrift"],
  })
    .option("--app <app>", "of this application alone")
    .addOption(new Option("--tenant <tenant>", "of this tenant alone").conflicts("group"))
    .option("--group <group>", "of the tenants of this group alone")
    .option("--last", "show what was found when they were looked at last, and don't look again");
  return overApi(command).action(drift);
}

type Found = Omit<DriftReply, "nextCursor"> & { app: string };

async function drift(options: DriftOptions, command: Command): Promise<void> {
  const context = await contextOf(command);
  const { client, output } = context;
  const narrowed = { tenant: options.tenant, group: options.group };
  const found: Found[] = [];
  for (const app of await appsOf(client, options)) {
    const target = path`/v1/apps/${app}/schema-drift`;
    if (!options.last) {
      const { body } = await client.call<OperationReply>("POST", target, { body: narrowed });
      await followOperation(context, body.id);
    }
    const query = { ...narrowed, limit: 1 };
    const { counts } = (await client.call<DriftReply>("GET", target, { query })).body;
    const { items } = await fetchPages<DriftedDatabase>(client, target, { all: true }, narrowed);
    found.push({ app, counts, items });
  }
  output.result({ items: found }, ({ items }) => items.map(showDrift).join("\n\n"));
  const drifted = found.reduce((sum, { counts }) => sum + counts.drifted, 0);
  if (drifted === 0) return;
  throw refusal("schema_drifted", `${drifted} of the databases differ from what the migrations make.`, {
    remedy: "Mend each by hand where it was changed by hand, or bring the change to all by a migration.",
  });
}

function showDrift({ app, counts, items }: Found): string {
  const { databases, checked, drifted } = counts;
  const told = items.flatMap(({ tenants, environments, level, schemaVersion, differences }) => [
    `${tenants.join(", ")}${environments > tenants.length ? ", …" : ""} (${level}, schema version ${schemaVersion})`,
    ...differences.map(
      ({ object, problem, detail }) => `  ${object}: ${problem}${detail ? `: ${detail}` : ""}`,
    ),
  ]);
  return [`${app}: ${checked} of ${databases} databases compared, ${drifted} differ`, ...told].join("\n");
}

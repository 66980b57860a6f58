import { readdir } from "node:fs/promises";
import path from "node:path";
import { scanInstallation } from "../../packages/server/src/testing/leftovers.ts";
import { eventually } from "./eventually.ts";
import type { Installation } from "./installation.ts";
import { type ProcessInfo, processesWith, processOf } from "./process-tree.ts";
import { databaseUrl, query } from "./registry.ts";

/**
 * Waits until an installation is at rest and nothing is left over or missing: on the server, on the disk, among the
 * processes and in the registry. Fails with what is wrong.
 */
export async function becomesWhole(installation: Installation): Promise<void> {
  let wrong: string[] = [];
  await eventually(
    () => `nothing is left over or missing; but ${wrong.join("; ")}`,
    async () => {
      wrong = await whatIsWrong(installation);
      return wrong.length === 0;
    },
  );
}

async function whatIsWrong(installation: Installation): Promise<string[]> {
  try {
    return await lookAround(installation);
  } catch (error) {
    // A server that is just being stopped hangs up in the middle of it.
    return [`a look around failed: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function lookAround(installation: Installation): Promise<string[]> {
  const scanned = await scanInstallation(installation.dataDir, installation.registryUrl);
  return [
    ...scanned.map(({ problem, kind, name }) => `${kind} ${name} is ${problem}`),
    ...(await differences(installation)),
    ...(await oddRows(installation)),
    ...(await oddProcesses(installation)),
  ];
}

/** Looks at the server and the disk without the product's own eyes. */
async function differences(installation: Installation): Promise<string[]> {
  const names = async (text: string) =>
    (await installation.sql<{ name: string }>(text)).map(({ name }) => name);
  const directories = await readdir(path.join(installation.dataDir, "storage"));
  return [
    ...compare(
      "database",
      await names(standingDatabases),
      await names(
        `select d.name from databases d where d.level in ('database', 'shared') ${onTheRegistrysServer}`,
      ),
    ),
    ...compare(
      "schema",
      await standingSchemas(installation),
      await names("select name from databases where level = 'schema'"),
    ),
    ...compare(
      "role",
      await names("select rolname as name from pg_roles where rolname ~ '^tn(r|mb?)_'"),
      await names(
        `select d.role_name as name from databases d where d.role_name is not null ${onTheRegistrysServer}`,
      ),
    ),
    ...compare(
      "file",
      await standingFiles(installation),
      await names("select name from databases where level = 'sqlite' and state <> 'blueprint'"),
    ),
    ...compare(
      "directory",
      directories,
      await names("select physical_name as name from placements where kind = 'storage' and driver = 'fs'"),
    ),
  ];
}

/** What lies in the directory of SQLite files: each environment's directory, and whatever was left half made. */
async function standingFiles({ dataDir }: Installation): Promise<string[]> {
  const root = path.join(dataDir, "sqlite");
  const entries = (directory: string) => readdir(directory).catch(() => []);
  const shelves = (await entries(root)).filter((name) => name.startsWith("tna_"));
  const placed = shelves.map(async (shelf) =>
    (await entries(path.join(root, shelf))).map((name) => `${shelf}.${name}`),
  );
  return [...(await Promise.all(placed)).flat(), ...(await entries(path.join(root, "making")))];
}

/** Those that environments have to themselves are looked at by the product's own scan. */
const onTheRegistrysServer =
  "and exists (select from database_servers s where s.id = d.server_id and not s.dedicated)";

const standingDatabases = `
  select datname as name from pg_database
  where datname not in ('postgres', 'template0', 'template1', current_database()) and datname !~ '^tnc_'`;

/** As `container.schema`, in every database that holds schemas. */
async function standingSchemas(installation: Installation): Promise<string[]> {
  const containers = await installation.sql<{ name: string }>(
    "select datname as name from pg_database where datname ~ '^tnc_'",
  );
  const found = await Promise.all(
    containers.map(({ name }) =>
      query<{ name: string }>(
        databaseUrl(installation.registryUrl, name),
        "select current_database() || '.' || nspname as name from pg_namespace where nspname ~ '^tns_'",
      ),
    ),
  );
  return found.flat().map(({ name }) => name);
}

function compare(kind: string, standing: readonly string[], known: readonly string[]): string[] {
  return [
    ...standing.filter((name) => !known.includes(name)).map((name) => `${kind} ${name} is unknown`),
    ...known.filter((name) => !standing.includes(name)).map((name) => `${kind} ${name} is not there`),
  ];
}

async function oddRows(installation: Installation): Promise<string[]> {
  const odd = await Promise.all(
    Object.entries(oddRowQueries).map(async ([what, text]) => {
      const rows = await installation.sql(text);
      return rows.length === 0 ? [] : [`${what}: ${JSON.stringify(rows)}`];
    }),
  );
  return odd.flat();
}

const oddRowQueries: Record<string, string> = {
  "operations at work": `
    select id, kind, status from operations where status in ('queued', 'running', 'cancelling', 'undoing')
      or status = 'waiting' and kind <> 'tenant.delete'`,
  "steps of ended operations that still run": `
    select o.id, o.kind, s.name, s.status from operations o join operation_steps s on s.operation_id = o.id
    where o.status in ('succeeded', 'failed', 'cancelled') and s.status in ('running', 'undoing')`,
  "databases on the way": "select name, state from databases where state in ('creating', 'removing')",
  "databases in use by nobody, or twice": `
    select d.name, count(p.id) from databases d left join placements p on p.database_id = d.id and p.state = 'current'
    where d.state = 'in_use' and d.level <> 'shared' group by d.id having count(p.id) <> 1`,
  "blueprints of releases that came to nothing": `
    select d.name, d.schema_version from databases d join apps a on a.id = d.app_id
    where d.state = 'blueprint' and d.schema_version > a.schema_version`,
  "placements that aren't current": "select id, kind, state from placements where state <> 'current'",
  "active tenants without a place": `
    select t.slug, e.status, array_agg(p.kind) from tenants t join environments e on e.tenant_id = t.id
    left join placements p on p.environment_id = e.id and p.state = 'current'
    where t.status = 'active' group by t.id, e.id
    having e.status not in ('ready', 'maintenance') or array_agg(p.kind order by p.kind) <> '{cache,database,storage}'`,
  "active tenants without a host": `
    select t.slug from tenants t where t.status = 'active' and not exists (
      select from routes r where r.tenant_id = t.id and r.status in ('active', 'maintenance') and r.redirect_to is null)`,
  "failed tenants with a place": `
    select t.slug, p.kind from tenants t join environments e on e.tenant_id = t.id
    join placements p on p.environment_id = e.id where t.status = 'failed'`,
  "hosts of nobody": `
    select hostname from routes r where not exists (select from environments e where e.id = r.environment_id)`,
  "resources on the way": "select kind, physical_name, state from resources where state <> 'present'",
  // A shared database stays when the environment that it was built for has gone.
  "resources of nobody": `
    select r.kind, r.physical_name from resources r
    where r.environment_id is not null and not exists (select from environments e where e.id = r.environment_id)
        and not exists (select from databases d where d.level = 'shared' and r.physical_name in (d.name, d.role_name))
      or r.kind in ('database', 'role') and r.physical_name !~ '^(tnc_[^.]+|tng_.+)$' and not exists (
        select from databases d
        where r.physical_name in (d.name, d.role_name, regexp_replace(d.role_name, '^tnr_', 'tno_')))
        and not exists (select from credentials c where c.role_name = r.physical_name)`,
  "settings of nobody": `
    select scope, scope_id, key from settings s
    where scope = 'tenant' and not exists (select from tenants t where t.id::text = s.scope_id)
      or scope = 'environment' and not exists (select from environments e where e.id::text = s.scope_id)`,
  "a wrong number of tenants": `
    select tenant_count, count(t.id) from installation left join tenants t on not t.internal
    group by tenant_count having tenant_count <> count(t.id)`,
  "releases without one healthy instance": `
    select a.slug, array_agg(i.state) from apps a
    join releases r on r.id = a.current_release_id and r.command is not null
    left join instances i on i.release_id = r.id group by a.id
    having array_agg(i.state) is distinct from '{healthy}'`,
  "instances of other releases": `
    select i.id, i.state from instances i join apps a on a.id = i.app_id
    where i.release_id is distinct from a.current_release_id`,
  "more nodes than one": "select id from nodes offset 1",
};

/**
 * Ours are: the command, the main process, the server with its backends, and of each application's instance the process
 * itself, what started it, and what holds them together.
 */
async function oddProcesses(installation: Installation): Promise<string[]> {
  const { mainPid } = installation;
  const processes = installation.processes();
  const isServer = ({ command }: ProcessInfo, place: string) =>
    command.includes(`/postgres -D ${path.join(installation.dataDir, place)}`);
  const server = processes.find((one) => one.parent === mainPid && isServer(one, "postgres"));
  const small = processes.filter((one) => isServer(one, "servers")).map(({ pid }) => pid);
  const instances = await installation.sql<{ id: number }>(
    "select process_id as id from instances where state = 'healthy'",
  );
  const ids = instances.map(({ id }) => id);
  const launchers = new Set(
    processes
      .filter(({ pid, parent }) => ids.includes(pid) && parent !== mainPid)
      .map(({ parent }) => parent),
  );
  const odd = processes.filter(({ pid, parent, command }) => {
    if ([mainPid, server?.pid].includes(pid) || parent === server?.pid) return false;
    // That each of them has an environment, the scan says by their directories.
    if (small.includes(pid) || small.includes(parent)) return false;
    if (command.includes("tenantry.js up") || ids.includes(pid) || launchers.has(pid)) return false;
    if (launchers.has(parent) && command === "cat") return false;
    // SQLite's processes belong to whoever works on files, and end with him.
    if ((parent === mainPid || ids.includes(parent)) && /\/sqlite\/engine\/main\.[jt]s /.test(command))
      return false;
    return !(parent === mainPid && / guard \d+ TENANTRY_INSTANCE=\S+ \d*$/.test(command));
  });
  return [
    ...odd.map(({ pid, command }) => `process ${pid} runs: ${command}`),
    ...(await serversWithoutFiles(installation)),
    ...ids.filter((pid) => !processOf(pid)).map((pid) => `process ${pid} is healthy, and gone`),
  ];
}

/** A server that lost its directory while it ran is found by nothing but its process. */
async function serversWithoutFiles(installation: Installation): Promise<string[]> {
  const directory = path.join(installation.dataDir, "servers");
  const names = await readdir(directory).catch(() => []);
  return processesWith(`-D ${directory}/`)
    .filter(({ command }) => !names.some((name) => command.includes(path.join(directory, name))))
    .map(({ pid, command }) => `process ${pid} runs: ${command}`);
}

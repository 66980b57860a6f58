import { createHash } from "node:crypto";
import type { CacheLocation } from "../drivers/cache/index.ts";
import {
  createDatabaseDrivers,
  type DatabaseDrivers,
  type ServerDriver,
  type SqliteDirectory,
} from "../drivers/database/index.ts";
import type { StorageLocation } from "../drivers/storage/index.ts";
import {
  createPlacements,
  createSpareKeeper,
  type PlaceDriver,
  type Placements,
  type Places,
  placesOf,
  registerOwnServer,
  type SpareKeeper,
  type SpareKeeperOptions,
} from "../features/placements/index.ts";
import { type Db, inTransaction, sql } from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { createSecrets, type Secrets } from "../infra/secrets/index.ts";
import {
  createSweeper,
  createWorker,
  defineWorkflow,
  type StepContext,
  type Sweeper,
  startOperation,
  step,
  type Worker,
  type Workflow,
} from "../infra/workflow/index.ts";
import { newId } from "../kernel/index.ts";
import { type TestPostgres, testPostgres } from "./postgres.ts";
import { type TestRegistry, testRegistry } from "./registry.ts";
import { waitUntil } from "./wait-until.ts";

export type TestPlacements = {
  postgres: TestPostgres;
  registry: TestRegistry;
  db: Db;
  secrets: Secrets;
  drivers: DatabaseDrivers;
  placements: Placements;
  serverId: string;
  sweeper: Sweeper;
  keeper(options?: Partial<SpareKeeperOptions>): SpareKeeper;
  /** Runs `work` as the only step of an operation and answers its result, or throws its recorded error. */
  run<Result>(work: (context: StepContext) => Promise<Result>, undo?: Undo): Promise<Result>;
  /** The same, for work that may end in any way: answers the operation's id. */
  startWork(work: Work, undo: Undo): Promise<string>;
  start(workflow: Workflow, input: object): Promise<string>;
  ended(operationId: string): Promise<string>;
  close(): Promise<void>;
};

type Undo = (context: StepContext) => Promise<void>;

/** Placements over a registry and a database server of the test's own, with a worker. */
export async function testPlacements(
  options: {
    url?: string;
    storage?: PlaceDriver<StorageLocation>;
    places?: Places<StorageLocation>;
    caches?: (secrets: Secrets) => Places<CacheLocation>;
    wrap?: (drivers: DatabaseDrivers) => DatabaseDrivers;
    /** Starts servers for single environments. */
    servers?: ServerDriver;
    /** Where SQLite files are kept, and whether they are encrypted. */
    files?: { directory: SqliteDirectory; encrypted: () => boolean };
  } = {},
): Promise<TestPlacements> {
  const postgres = await testPostgres();
  const registry = await testRegistry(postgres);
  const { db } = registry;
  const secrets = createSecrets(Buffer.alloc(32, 7));
  const plain = createDatabaseDrivers({ installationId: newId() });
  const drivers = options.wrap?.(plain) ?? plain;
  const keepers: SpareKeeper[] = [];
  const onTaken: SpareKeeper["taken"] = () => {
    for (const keeper of keepers) keeper.taken();
  };
  const places = {
    storage: options.places ?? placesOf(options.storage ?? memoryPlaces("fs"), "prefix"),
    cache: options.caches?.(secrets) ?? placesOf(memoryPlaces("memory"), "prefix"),
  };
  const onSpareEnded: SpareKeeper["spareEnded"] = (spare) => {
    for (const keeper of keepers) keeper.spareEnded(spare);
  };
  const placements = createPlacements({
    ...{ drivers, secrets, ...places, servers: options.servers, onTaken, onSpareEnded },
    directory: options.files?.directory,
    encryptsFiles: async () => options.files?.encrypted() ?? false,
  });
  const url = options.url ?? postgres.url;
  const serverId = await registerOwnServer(db, secrets, { name: "embedded", kind: "embedded", url });
  const anything = anyWork();
  const worker = await startWorker(registry, [...Object.values(placements.workflows), anything.workflow]);
  const sweeper = createSweeper({ db, log: silentLog, remove: placements.removers(db) });
  const start = (workflow: Workflow, input: object) =>
    inTransaction(db, (tx) => startOperation(tx, { workflow, input: { ...input } }));

  return {
    ...{ postgres, registry, db, secrets, drivers, placements, serverId, sweeper, start },
    ended: (operationId) => waitForEnd(db, operationId),
    keeper(given = {}) {
      const keeper = createSpareKeeper({
        db,
        log: silentLog,
        workflows: placements.workflows,
        startsServers: options.servers !== undefined,
        ...given,
      });
      keepers.push(keeper);
      return keeper;
    },
    startWork: (work, undo) => start(anything.workflow, { job: anything.add(work, undo).id }),
    async run(work, undo) {
      const job = anything.add(work, undo);
      const id = await start(anything.workflow, { job: job.id });
      if ((await waitForEnd(db, id)) === "succeeded") return job.result as never;
      const { rows } = await sql<{ error: unknown }>`select error from operations where id = ${id}`.execute(
        db,
      );
      throw rows[0]!.error;
    },
    async close() {
      for (const keeper of keepers) await keeper.close();
      await worker.close();
      await sweeper.close();
      await registry.close();
      await postgres.stop();
    },
  };
}

type Work = (context: StepContext) => Promise<unknown>;

/** A workflow whose one step does whatever is added. */
function anyWork() {
  const jobs = new Map<string, { id: string; work: Work; undo?: Undo | undefined; result?: unknown }>();
  const workflow = defineWorkflow<{ job: string }>({
    kind: "test.anything",
    version: 1,
    steps: [
      step("only", {
        title: "Do it",
        async run(context) {
          const job = jobs.get(context.input.job)!;
          job.result = await job.work(context);
        },
        undo: async (context) => jobs.get(context.input.job)!.undo?.(context),
      }),
    ],
  });
  function add(work: Work, undo?: Undo) {
    const job = { id: newId(), work, undo, result: undefined };
    jobs.set(job.id, job);
    return job;
  }
  return { workflow, add };
}

async function waitForEnd(db: Db, operationId: string): Promise<string> {
  return waitUntil(
    "the operation ended",
    async () => {
      const { rows } = await sql<{ status: string }>`
        select status from operations where id = ${operationId}
          and status in ('succeeded', 'failed', 'cancelled', 'needs_operator')`.execute(db);
      return rows[0]?.status;
    },
    30_000,
  );
}

async function startWorker(registry: TestRegistry, workflows: Workflow[]): Promise<Worker> {
  const worker = createWorker({ ...registry, workflows, log: silentLog, retryBaseMs: 10, pollMs: 50 });
  await worker.start();
  return worker;
}

/** Places that exist only by name. */
function memoryPlaces(driver: string): PlaceDriver<StorageLocation & CacheLocation> {
  const standing = new Set<string>();
  return {
    driver,
    nameFor: (environmentId) => `${driver}-${environmentId}`,
    provision: async (_context, name) => void standing.add(name),
    remove: async (_context, name) => void standing.delete(name),
    location: (name) => ({ driver, directory: name, prefix: name }) as never,
    list: async () => [...standing],
  };
}

/** An app with a current release whose schema the files make. */
export async function insertApp(db: Db, ...files: string[]): Promise<string> {
  const appId = newId();
  const releaseId = newId();
  await inTransaction(db, async (tx) => {
    await sql`
      insert into apps (id, slug, run_as_uid, current_release_id, schema_version)
      select ${appId}, ${`app-${appId}`}, coalesce(max(run_as_uid), 70000) + 1, ${releaseId}, ${files.length} from apps
    `.execute(tx);
    await sql`
      insert into releases (id, app_id, number, upstream_url, schema_version)
      values (${releaseId}, ${appId}, 1, 'http://127.0.0.1:1', ${files.length})
    `.execute(tx);
  });
  await insertMigrations(db, appId, 1, files);
  return appId;
}

export async function insertMigrations(
  db: Db,
  appId: string,
  from: number,
  files: readonly string[],
): Promise<void> {
  for (const [index, text] of files.entries()) {
    const checksum = createHash("sha256").update(text).digest("hex");
    const ordinal = from + index;
    await sql`
      insert into app_migrations (app_id, ordinal, name, sql, checksum)
      values (${appId}, ${ordinal}, ${`${String(ordinal).padStart(4, "0")}.sql`}, ${text}, ${checksum})
    `.execute(db);
  }
}

/** A tenant's production environment of the app. */
export async function insertEnvironment(db: Db, appId: string): Promise<string> {
  const [tenantId, environmentId] = [newId(), newId()];
  await sql`
    insert into tenants (id, slug, name, status, app_id)
    values (${tenantId}, ${`t${tenantId.replaceAll("-", "")}`}, 'A tenant', 'provisioning', ${appId})
  `.execute(db);
  await sql`
    insert into environments (id, tenant_id, name, status)
    values (${environmentId}, ${tenantId}, 'production', 'provisioning')
  `.execute(db);
  return environmentId;
}

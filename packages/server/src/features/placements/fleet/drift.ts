import {
  compareForms,
  type DatabaseDriver,
  type DatabaseServer,
  hashForm,
  type SchemaForm,
} from "../../../drivers/database/index.ts";
import { type Db, inTransaction } from "../../../infra/db/index.ts";
import { recordEvent } from "../../../infra/events/index.ts";
import {
  defineWorkflow,
  type StepContext,
  startOperation,
  step,
  type Workflow,
} from "../../../infra/workflow/index.ts";
import { hasCode, newId, showId } from "../../../kernel/index.ts";
import { ensureBlueprint } from "../databases/blueprints.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import {
  type Alike,
  type Compared,
  type DriftScope,
  selectAlike,
  selectAppsToCheck,
  selectTenantsOf,
  selectToCompare,
  upsertCheck,
} from "./drift.sql.ts";

export type DriftInput = DriftScope;

/** Databases that are to be alike, and the id of one that is built to compare them with, and removed again. */
type Reference = Alike & { id: string };
type Context = StepContext<DriftInput>;

const atOnce = 4;
const pageSize = 200;
/** So many things of one database are named in an event. */
const named = 20;

/**
 * Compares the schema of each database of an app with one that is built anew, at the same level and version and on the
 * same server: whatever somebody changed by hand, or a migration left half done, shows. Rows aren't looked at.
 */
export function driftWorkflow(parts: PlacementParts): Workflow {
  return defineWorkflow<DriftInput>({
    kind: "schema.drift",
    version: 1,
    steps: [
      step<DriftInput>("plan", {
        title: "See which databases are to be alike",
        run: async (context) =>
          (await selectAlike(context.db, context.input)).map((one) => ({ ...one, id: newId() })),
      }),
      step<DriftInput>("compare", {
        title: "Compare each with what it should be",
        run: (context) => compareAll(parts, context),
        async undo(context) {
          for (const reference of referencesOf(context)) await removeReference(parts, context, reference);
        },
      }),
    ],
  });
}

const referencesOf = (context: Context): Reference[] => context.results.plan as Reference[];

type Result = { compared: number; drifted: number; unreachable: number };

async function compareAll(parts: PlacementParts, context: Context): Promise<Result> {
  const result: Result = { compared: 0, drifted: 0, unreachable: 0 };
  const references = referencesOf(context);
  for (const [index, reference] of references.entries()) {
    await compareAlike(parts, context, reference, result);
    const message = `${result.compared} databases compared, ${result.drifted} differ`;
    await context.progress((index + 1) / references.length, message);
  }
  return result;
}

async function compareAlike(
  parts: PlacementParts,
  context: Context,
  reference: Reference,
  result: Result,
): Promise<void> {
  const server = await requireServer(context.db, parts.secrets, reference.serverId);
  const driver = requireDriver(parts.drivers, reference.level);
  const expected = await readReference(parts, context, reference);
  const work = { driver, server, expected, schemaVersion: reference.schemaVersion };
  for (let after: string | undefined; ; ) {
    const page = await selectToCompare(context.db, context.input, {
      ...reference,
      ...{ operationId: context.operationId, after, limit: pageSize },
    });
    const waiting = [...page];
    const lane = async () => {
      for (let one = waiting.shift(); one; one = waiting.shift())
        await compareOne(parts, context, one, work, result);
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    if (page.length < pageSize) return;
    after = page.at(-1)!.id;
  }
}

type Comparison = {
  driver: DatabaseDriver;
  server: DatabaseServer;
  expected: SchemaForm;
  schemaVersion: number;
};

async function compareOne(
  parts: PlacementParts,
  context: Context,
  { id, roleSecret, ...physical }: Compared,
  { driver, server, expected, schemaVersion }: Comparison,
  result: Result,
): Promise<void> {
  context.signal.throwIfAborted();
  const secret = openDatabaseSecret(parts.secrets, { id, level: driver.level, roleSecret });
  const form = await driver.readForm(server, { ...physical, ...secret }).catch((error: unknown) => {
    if (hasCode(error, "server_unreachable")) return undefined;
    throw error;
  });
  if (!form) {
    result.unreachable += 1;
    return;
  }
  const differences = compareForms(form, expected);
  const check = { databaseId: id, schemaVersion, hash: hashForm(form), differences };
  await context.transaction(async (tx) => {
    const written = await upsertCheck(tx, check);
    if (!written) return;
    result.compared += 1;
    if (differences.length === 0) return;
    result.drifted += 1;
    if (!written.changed) return;
    const tenants = await selectTenantsOf(tx, id, named);
    const [only, ...others] = tenants;
    await recordEvent(tx, {
      name: "schema.drifted",
      ...(only && others.length === 0 ? { tenantId: only.tenantId, environmentId: only.environmentId } : {}),
      data: {
        appId: showId("app", context.input.appId),
        tenants: tenants.map(({ slug }) => slug),
        ...{ level: driver.level, schemaVersion, differences: differences.length },
        objects: differences.slice(0, named).map(({ object, problem }) => `${object}: ${problem}`),
      },
    });
  });
}

/** Builds a database as it should be, reads it and removes it. Repeatable. */
async function readReference(
  parts: PlacementParts,
  context: Context,
  reference: Reference,
): Promise<SchemaForm> {
  const { id: databaseId, serverId, schemaVersion, level } = reference;
  const { appId } = context.input;
  const server = await requireServer(context.db, parts.secrets, serverId);
  const schema = await ensureBlueprint(parts, context, { appId, schemaVersion, server });
  const driver = requireDriver(parts.drivers, level);
  await driver.prepare(context, { server, schema });
  const built = await driver.build(context, { server, databaseId, schema });
  const form = await driver.readForm(server, built);
  await removeReference(parts, context, reference);
  return form;
}

async function removeReference(parts: PlacementParts, context: Context, reference: Reference): Promise<void> {
  const { id: databaseId, serverId, level } = reference;
  const server = await requireServer(context.db, parts.secrets, serverId);
  const driver = requireDriver(parts.drivers, level);
  const { name } = driver.nameOf({ appId: context.input.appId, databaseId });
  await driver.remove(context, { server, thing: { kind: "database", name } });
}

/** Looks at every app, by the platform itself. */
export async function checkDrift(db: Db, workflow: Workflow): Promise<void> {
  await inTransaction(db, async (tx) => {
    for (const appId of await selectAppsToCheck(tx)) {
      await startOperation(tx, { workflow, input: { appId }, exclusive: false, internal: true });
    }
  });
}

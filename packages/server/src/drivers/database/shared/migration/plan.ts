import type pg from "pg";
import type { Place } from "../../common/catalog/catalog.ts";
import { readState, type State, withRows } from "../../common/catalog/read-state.ts";
import { counterBeginnings } from "../../common/emit/shared/diff/counters.ts";
import type { LockMode } from "../../common/emit/shared/diff/locks.ts";
import { extensionsFor } from "../../common/emit/shared/emit-shared.ts";
import { seedStatements } from "../../common/emit/shared/seeds.ts";
import type { MigrationFile } from "../../common/migration-file.ts";
import type { PlannedFile, Planning, Walk } from "./planned.ts";
import { refuseContraction, refuseUnheld } from "./refusals.ts";
import { takeStatement } from "./walk.ts";

/**
 * Finds out what files come to in a database that many environments share, by applying them, statement by statement, to
 * one of a single environment at the version before, and looking what each did. Throws `isolation_unavailable` for what
 * can't be held or would break the release that runs meanwhile, by file and line.
 */
export async function planFiles(planning: Planning, files: readonly MigrationFile[]): Promise<PlannedFile[]> {
  const planned: PlannedFile[] = [];
  const released = await inTransaction(planning.client, () => readState(planning.client));
  for (const file of files) planned.push(await planFile(planning, file, released));
  return planned;
}

async function planFile(planning: Planning, file: MigrationFile, released: State): Promise<PlannedFile> {
  const { client, migrations } = planning;
  const inside = <Result>(work: () => Promise<Result>) =>
    file.transactional ? work() : inTransaction(client, work);
  const read = () => inside(() => readState(client));
  if (file.transactional) await client.query("begin");
  const begun = await read();
  const seedsBefore = seedStatements(await inside(() => withRows(client, begun))).statements;
  const walk: Walk = {
    file,
    state: begun,
    stale: false,
    settings: [],
    steps: [],
    missed: [],
    locked: new Map(),
  };
  for (const statement of file.statements) await takeStatement({ ...planning, read, begun }, walk, statement);
  if (walk.stale) walk.state = await read();
  const catalog = await inside(() => withRows(client, walk.state));
  if (file.transactional) await client.query("commit");
  await client.query("discard all");
  await client.query("reset role");
  refuseUnheld(catalog, migrations);
  refuseContraction(file, released, walk);
  const seeds = seedStatements(catalog).statements;
  return {
    file,
    steps: walk.steps,
    locks: { exclusive: locked(begun, walk, "exclusive"), share: locked(begun, walk, "share") },
    extensions: extensionsFor(catalog),
    seeds: JSON.stringify(seeds) === JSON.stringify(seedsBefore) ? undefined : seeds,
    beginnings: counterBeginnings(begun, walk.state),
  };
}

async function inTransaction<Result>(client: pg.Client, work: () => Promise<Result>): Promise<Result> {
  await client.query("begin");
  const result = await work();
  await client.query("commit");
  return result;
}

/** Tables as they are called when the file begins. */
function locked(begun: State, walk: Walk, mode: LockMode): Place[] {
  return begun.known.flatMap(({ node, object }) =>
    object.kind === "table" && walk.locked.get(node) === mode
      ? [{ schema: object.schema, name: object.name }]
      : [],
  );
}

import type pg from "pg";
import type { Place } from "../../common/catalog/catalog.ts";
import { readState, type State, withRows } from "../../common/catalog/read-state.ts";
import { counterBeginnings } from "../../common/emit/shared/diff/counters.ts";
import type { LockMode } from "../../common/emit/shared/diff/locks.ts";
import { extensionsFor } from "../../common/emit/shared/emit-shared.ts";
import { sharedFindings } from "../../common/emit/shared/findings.ts";
import { seedStatements } from "../../common/emit/shared/seeds.ts";
import { refuseUnheld } from "../../common/emit/unheld.ts";
import type { MigrationFile } from "../../common/migration-file.ts";
import type { PlannedFile, Planning, Walk } from "./planned.ts";
import { refuseContraction } from "./refusals.ts";
import { takeStatement } from "./walk.ts";

/**
 * Finds out what files come to in a database that many environments share, by applying them, statement by statement, to
 * one of a single environment at the version before, and looking what each did. Throws `isolation_unavailable` for what
 * can't be held or would break the release that runs meanwhile, by file and line.
 */
export async function planFiles(planning: Planning, files: readonly MigrationFile[]): Promise<PlannedFile[]> {
  const { client } = planning;
  const planned: PlannedFile[] = [];
  const released = await inTransaction(client, () => readState(client));
  let at: Reached = { state: released, seeds: await inTransaction(client, () => seedsOf(client, released)) };
  for (const file of files) {
    const { plan, reached } = await planFile(planning, file, released, at);
    planned.push(plan);
    at = reached;
  }
  return planned;
}

/** Where a file begins and ends: what there is, and what new environments have of it. */
type Reached = { state: State; seeds: string[] };

async function seedsOf(client: Planning["client"], state: State): Promise<string[]> {
  return seedStatements(await withRows(client, state)).statements;
}

async function planFile(
  planning: Planning,
  file: MigrationFile,
  released: State,
  { state: begun, seeds: seedsBefore }: Reached,
): Promise<{ plan: PlannedFile; reached: Reached }> {
  const { client, migrations } = planning;
  const inside = <Result>(work: () => Promise<Result>) =>
    file.transactional ? work() : inTransaction(client, work);
  const read = () => inside(() => readState(client));
  if (file.transactional) await client.query("begin");
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
  const { state } = walk;
  const catalog = await inside(() => withRows(client, state));
  if (file.transactional) await client.query("commit");
  // What the file set for its session must not reach the next one.
  await client.query("discard all");
  await client.query("reset role");
  refuseUnheld("shared", sharedFindings(catalog), migrations);
  refuseContraction(file, released, walk);
  const seeds = seedStatements(catalog).statements;
  const plan = {
    file,
    steps: walk.steps,
    locks: { exclusive: locked(begun, walk, "exclusive"), share: locked(begun, walk, "share") },
    extensions: extensionsFor(catalog),
    seeds: JSON.stringify(seeds) === JSON.stringify(seedsBefore) ? undefined : seeds,
    beginnings: counterBeginnings(begun, state),
  };
  return { plan, reached: { state, seeds } };
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

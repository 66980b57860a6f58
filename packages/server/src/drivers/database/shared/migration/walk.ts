import type pg from "pg";
import type { State } from "../../common/catalog/read-state.ts";
import { retypedParts } from "../../common/emit/shared/diff/delta.ts";
import { diffShared } from "../../common/emit/shared/diff/diff.ts";
import { touched } from "../../common/emit/shared/diff/locks.ts";
import type { Step } from "../../common/emit/shared/diff/step.ts";
import type { Statement } from "../../common/split-statements.ts";
import { contractions } from "./contraction.ts";
import type { Planning, Settings, Walk } from "./planned.ts";
import { refuseAt } from "./refusals.ts";
import { forEnvironment, isBlock, natureOf, sequenceWords, usingOf, writesRows } from "./statement.ts";

type Taking = Planning & { read(): Promise<State>; begun: State };

/** Runs a statement where one environment is alone, and notes what it comes to where there are many. */
export async function takeStatement(taking: Taking, walk: Walk, statement: Statement): Promise<void> {
  const nature = natureOf(statement);
  if (nature === "impossible") {
    const [word] = statement.text.split(/\s/, 1);
    refuseAt(walk.file, statement, {
      problem: `${word!.toUpperCase()} isn't for a database that many environments share`,
      remedy: "Say it by DELETE, INSERT and UPDATE; leave savepoints out.",
    });
  }
  if (nature !== "rows" && walk.stale) await refresh(taking, walk);
  const result = await taking.run(walk.file, statement);
  if (nature === "setting") walk.settings = await selectSettings(taking.client);
  if (nature === "setting") return;
  if (nature === "rows") return takeRows(walk, statement);
  const after = await taking.read();
  const changed = nature === "form" ? !isSame(walk.state, after) : formOf(walk.state) !== formOf(after);
  if (changed) {
    takeForm(taking, walk, { statement, result, after });
  } else if (nature === "either") {
    takeRows(walk, statement);
    walk.settings = await selectSettings(taking.client);
  }
}

async function refresh(taking: Taking, walk: Walk): Promise<void> {
  walk.state = await taking.read();
  walk.stale = false;
}

function takeRows(walk: Walk, statement: Statement): void {
  const words = sequenceWords(statement.text);
  if (words.length > 0) {
    refuseAt(walk.file, statement, {
      problem: `it calls ${words.join(", ")}, and each environment counts by itself`,
      remedy:
        "Have the column's default give the numbers, or say the sequence's new beginning by ALTER SEQUENCE.",
    });
  }
  walk.stale = true;
  const text = forEnvironment(statement.text, walk.state);
  add(walk, statement, { as: "environment", statements: [text] }, isBlock(statement));
}

function takeForm(
  { makers, begun }: Taking,
  walk: Walk,
  { statement, result, after }: { statement: Statement; result: pg.QueryResult; after: State },
): void {
  refuseMixed(walk, statement, result);
  const before = walk.state;
  const isAlter = /^alter\s+table\b/i.test(statement.text);
  const steps = diffShared(before, after, (_table, column) => usingOf(statement.text, column), makers);
  if (!isAlter && retypes(before, after)) {
    refuseAt(walk.file, statement, {
      problem: "it changes a column's type within a block",
      remedy: "Say it by ALTER TABLE as a statement of its own.",
    });
  }
  for (const step of steps) add(walk, statement, step, false);
  for (const [node, mode] of touched(before, after)) {
    if (walk.locked.get(node) !== "exclusive") walk.locked.set(node, mode);
  }
  const missed = contractions(begun, after);
  walk.missed = missed.map(
    (words) => walk.missed.find((known) => known.words === words) ?? { words, statement },
  );
  walk.state = after;
}

/** One statement either changes what is there, once for all, or rows, for each environment. */
function refuseMixed(walk: Walk, statement: Statement, result: pg.QueryResult): void {
  const remedy = "Say the change of the schema and that of rows by statements of their own.";
  if (isBlock(statement)) {
    if (!writesRows(statement.text)) return;
    refuseAt(walk.file, statement, { problem: "the block changes the schema and rows as well", remedy });
  }
  if (/^create\s+(?!materialized)/i.test(statement.text) && result.command === "SELECT") {
    refuseAt(walk.file, statement, {
      problem: "the new table's rows come from those of every environment",
      remedy: "Say CREATE TABLE with its columns, and INSERT … SELECT after it.",
    });
  }
  if (natureOf(statement) === "either") {
    refuseAt(walk.file, statement, { problem: "it changes the schema by what it selects or calls", remedy });
  }
}

const retypes = (before: State, after: State): boolean =>
  after.known.some(
    ({ node, object }) => object.kind === "table" && retypedParts(before, after, node).size > 0,
  );

function add(walk: Walk, statement: Statement, step: Step, block: boolean): void {
  walk.steps.push({ ...step, statement, settings: walk.settings, block });
}

const isSame = (one: State, other: State): boolean => formOf(one, () => true) === formOf(other, () => true);

/** Everything but where sequences stand. */
function formOf(
  { known, parts }: State,
  keep = (key: string) => key !== "lastValue" && key !== "called",
): string {
  return JSON.stringify([known, [...parts]], (key, value: unknown) => (keep(key) ? value : undefined));
}

const ownOfRun = ["role", "session_authorization", "application_name", "statement_timeout", "lock_timeout"];

async function selectSettings(client: pg.Client): Promise<Settings> {
  const { rows } = await client.query<Settings[number]>(
    `select name, setting as value from pg_catalog.pg_settings
     where source = 'session' and context = 'user' and not name = any ($1) order by name`,
    [ownOfRun],
  );
  return rows;
}

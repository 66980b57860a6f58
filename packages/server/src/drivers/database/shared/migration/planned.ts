import type pg from "pg";
import type { Extension, Place } from "../../common/catalog/catalog.ts";
import type { State } from "../../common/catalog/read-state.ts";
import type { LockMode } from "../../common/emit/shared/diff/locks.ts";
import type { Makers, Step } from "../../common/emit/shared/diff/step.ts";
import type { MigrationFile } from "../../common/migration-file.ts";
import type { Statement } from "../../common/split-statements.ts";
import type { AppMigration } from "../../driver.ts";

/** What a file says by SET, for the statements after it. */
export type Settings = { name: string; value: string }[];

export type PlannedStep = Step & {
  statement: Statement;
  settings: Settings;
  /** A block in PL/pgSQL, for which whoever runs it needs the language. */
  block: boolean;
};

/** What it takes to bring a shared database over one file. */
export type PlannedFile = {
  file: MigrationFile;
  steps: PlannedStep[];
  /** Tables that were there before, by how far others have to stay away from them. */
  locks: { [mode in LockMode]: Place[] };
  extensions: Pick<Extension, "name" | "schema">[];
  /** What new environments begin with from here on; undefined when that is as before. */
  seeds: string[] | undefined;
  beginnings: string[];
};

/** `run` runs a statement of a file, and explains what goes wrong. */
export type Planning = {
  client: pg.Client;
  makers: Makers;
  migrations: readonly AppMigration[];
  run(file: MigrationFile, statement: Statement): Promise<pg.QueryResult>;
};

/** How far a file has been gone through. */
export type Walk = {
  file: MigrationFile;
  state: State;
  /** Rows were written since the state was read, so sequences may stand elsewhere. */
  stale: boolean;
  settings: Settings;
  steps: PlannedStep[];
  /** What isn't there any more that was when the file began, and which statement saw to that. */
  missed: { words: string; statement: Statement }[];
  locked: Map<string, LockMode>;
};

import type { Database } from "../database/index.ts";
import { DataError } from "../errors.ts";
import { databaseOf } from "./database.ts";
import type { SqlitePlace } from "./file.ts";
import { createSqliteHandles, type SqliteHandles } from "./handles.ts";
import { type SqliteFinding, translateMigration } from "./sql/migration.ts";
import type { Schema } from "./sql/model.ts";

export type { SqliteValue } from "./engine/index.ts";
export { EncryptionKeyRefused } from "./failures.ts";
export type { SqliteFile, SqlitePlace } from "./file.ts";
export {
  createSqliteHandles,
  type SqliteHandles,
  type SqliteHandlesOptions,
  type SqlitePlacement,
  sqlitePath,
} from "./handles.ts";
export { copyLine, heldField } from "./sql/copy-text.ts";
export { type SqliteFinding, type TranslatedMigration, translateMigration } from "./sql/migration.ts";
export { emptySchema as emptySqliteSchema, type Schema as SqliteSchema } from "./sql/model.ts";
export { type PortableTable, portableTables } from "./sql/portable.ts";

/** A migration holds what the level can't: nothing of it was done. */
export class MigrationNotPortable extends DataError {
  readonly findings: readonly SqliteFinding[];

  constructor(findings: readonly SqliteFinding[]) {
    const [first] = findings;
    super("MigrationNotPortable", "isolation_unavailable", `Line ${first?.line}: ${first?.message}`);
    this.findings = findings;
  }
}

/** A file in the hand of who builds and looks after it. */
export type SqliteDatabase = Database & {
  /** The schema as PostgreSQL would know it: the tables of an empty file are none. */
  schema(): Promise<Schema>;
  /**
   * Applies a migration, PostgreSQL's SQL, all or nothing. Throws `MigrationNotPortable`, and PostgreSQL's errors for what
   * its rows break. Whoever has the file open sees the new schema with the next statement.
   */
  migrate(sql: string): Promise<void>;
  /** Closes the file. Its WAL is folded in, and gone, when nobody else has it open. Repeatable. */
  close(): Promise<void>;
};

let ours: SqliteHandles | undefined;

function ownHandles(): SqliteHandles {
  ours ??= createSqliteHandles();
  return ours;
}

/**
 * Opens an environment's file. `create` makes it when there is none (readable for its owner alone). `handles`: whose
 * engine to use; one for all such files of this process when left out, whose processes end when they aren't used.
 */
export async function openSqlite(
  { create = false, ...place }: SqlitePlace & { create?: boolean },
  handles: SqliteHandles = ownHandles(),
): Promise<SqliteDatabase> {
  const file = handles.file(place);
  if (create) await file.make();
  else await file.refresh();
  return {
    ...databaseOf({ file: () => handles.file(place) }),
    schema: async () => (await handles.file(place).refresh()).schema,
    migrate: (sql) => migrate(handles, place, sql),
    close: () => handles.closeFile(place),
  };
}

async function migrate(handles: SqliteHandles, place: SqlitePlace, sql: string): Promise<void> {
  const file = handles.file(place);
  await file.refresh();
  for (;;) {
    const { statements, findings } = await translateMigration(sql, file.schema);
    if (findings.length > 0) throw new MigrationNotPortable(findings);
    if (await file.script(statements, {})) return;
  }
}

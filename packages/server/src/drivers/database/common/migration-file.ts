import { failure, type TenantryError } from "../../../kernel/index.ts";
import type { AppMigration } from "../driver.ts";
import { insertsOf } from "./copy-rows.ts";
import { firstWords, type Statement, splitStatements } from "./split-statements.ts";

/** A migration made ready to run. */
export type MigrationFile = {
  migration: AppMigration;
  statements: Statement[];
  /** Whether the whole file stands or falls together; `-- tenantry: no-transaction` says otherwise. */
  transactional: boolean;
};

const noTransaction = /^[ \t]*--[ \t]*tenantry:[ \t]*no-transaction[ \t]*$/m;

/** Reads a migration, and refuses what can't work in one, before anything runs. */
export function readMigration(migration: AppMigration): MigrationFile {
  const transactional = !noTransaction.test(migration.sql);
  let statements = splitStatements(migration.sql);
  if (transactional) statements = withoutOuterTransaction(statements);
  for (const statement of statements) refuseImpossible(migration, statement, transactional);
  statements = statements.filter((statement) => !namesOwner(statement)).flatMap(insertsOf);
  return { migration, statements, transactional };
}

/** Dumps say of each thing whose it is. Here everything is the application's owner's, whatever they are called there. */
function namesOwner({ text }: Statement): boolean {
  return /^alter\s[\s\S]*\sowner\s+to\s+(?:"(?:[^"]|"")+"|\w+)\s*$/i.test(text);
}

/** Dumps and hand-written files often put `begin` and `commit` around everything: that transaction is ours. */
function withoutOuterTransaction(statements: Statement[]): Statement[] {
  const [first, last] = [statements[0], statements.at(-1)];
  if (!first || !last || first === last) return statements;
  const begins = /^(begin|start transaction)( work| transaction)?$/.test(firstWords(first, 3).join(" "));
  const commits = /^(commit|end)( work| transaction)?$/.test(firstWords(last, 3).join(" "));
  return begins && commits ? statements.slice(1, -1) : statements;
}

function refuseImpossible(migration: AppMigration, statement: Statement, transactional: boolean): void {
  const [first = "", second = "", third = ""] = firstWords(statement, 3);
  const refuse = (reason: string, remedy: string) => {
    throw migrationFailed(migration, statement.offset, reason, { remedy });
  };
  if (first === "\\") {
    refuse("commands of psql that begin with a backslash aren't SQL", "Take the command out of the file.");
  }
  if (first === "copy" && /\bfrom\s+stdin\b/i.test(statement.text) && insertsOf(statement)[0] === statement) {
    const remedy =
      "Let the rows follow in PostgreSQL's text format, up to a line with \\., or write INSERT statements.";
    refuse("there are no rows for COPY that could be read", remedy);
  }
  if (!transactional) return;
  const rollsBackPart = first === "rollback" && (second === "to" || third === "to");
  const endsTransaction = ["begin", "start", "commit", "end", "abort", "rollback"].includes(first);
  if ((endsTransaction && !rollsBackPart) || (first === "prepare" && second === "transaction")) {
    refuse(
      `${first.toUpperCase()} would end the transaction that the file runs in`,
      "Take it out, or begin the file with the line -- tenantry: no-transaction.",
    );
  }
}

/** `migration_failed` at a place in the file. `offset` counts UTF-16 units from the file's beginning. */
export function migrationFailed(
  migration: AppMigration,
  offset: number,
  reason: string,
  options: { remedy?: string; cause?: unknown } = {},
): TenantryError {
  const before = migration.sql.slice(0, offset);
  const line = before.split("\n").length;
  const column = [...before.slice(before.lastIndexOf("\n") + 1)].length + 1;
  return failure(
    "migration_failed",
    {
      detail: `${migration.name}, line ${line}, column ${column}: ${reason}.`,
      remedy: options.remedy,
      extra: { file: migration.name, line, column },
    },
    { cause: options.cause },
  );
}

/** Where in the file an error of PostgreSQL points: its position counts characters of the statement from 1. */
export function errorOffset(statement: Statement, position: string | undefined): number {
  const characters = Number(position);
  if (statement.rewritten || !position || !Number.isInteger(characters) || characters < 1)
    return statement.offset;
  const before = [...statement.text].slice(0, characters - 1).join("");
  return statement.offset + before.length;
}

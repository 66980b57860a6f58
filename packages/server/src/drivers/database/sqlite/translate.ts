import { emptySqliteSchema, type SqliteFinding, type SqliteSchema, translateMigration } from "@tenantry/data";
import { LRUCache } from "lru-cache";
import { failure } from "../../../kernel/index.ts";
import { blueprintName } from "../common/names.ts";
import type { AppMigration, AppSchema } from "../driver.ts";

/** A migration in SQLite's SQL. */
export type Translated = { migration: AppMigration; statements: readonly string[] };
/** All of an application's, and what they make as PostgreSQL would know it. */
export type TranslatedSchema = { migrations: readonly Translated[]; schema: SqliteSchema };

/** Of the schemas that databases were brought to lately: a fleet's are translated once. */
const known = new LRUCache<string, Promise<TranslatedSchema>>({ max: 50 });

/**
 * An application's migrations in SQLite's SQL. Throws `migration_failed` for what is wrong anywhere, `isolation_unavailable`
 * for what SQLite can't hold, with file and line.
 */
export function translate(schema: AppSchema): Promise<TranslatedSchema> {
  const name = blueprintName(schema);
  const before = known.get(name);
  if (before) return before;
  const translated = translateAll(schema.migrations);
  known.set(name, translated);
  translated.catch(() => known.delete(name));
  return translated;
}

async function translateAll(migrations: readonly AppMigration[]): Promise<TranslatedSchema> {
  const translated: Translated[] = [];
  let schema: SqliteSchema = emptySqliteSchema();
  for (const migration of migrations) {
    const { statements, findings, schema: next } = await translateMigration(migration.sql, schema);
    if (findings[0]) throw refusal(migration, findings[0]);
    translated.push({ migration, statements });
    schema = next;
  }
  return { migrations: translated, schema };
}

/** What the level doesn't know, as opposed to what no level would take. */
const isOfLevel = ({ code }: SqliteFinding): boolean => code === "0A000";

function refusal(migration: AppMigration, finding: SqliteFinding): Error {
  const { message, line, remedy } = finding;
  const extra = { file: migration.name, line };
  const told = message.replace(/\.$/, "");
  if (isOfLevel(finding))
    return failure("isolation_unavailable", {
      detail: `${migration.name}, line ${line}: ${told}.`,
      remedy: remedy ?? "Write it in SQL that SQLite holds, or choose another level.",
      extra,
    });
  return failure("migration_failed", { detail: `${migration.name}, line ${line}: ${told}.`, remedy, extra });
}

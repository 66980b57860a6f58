import type pg from "pg";
import type { MigrationWrap } from "../common/apply-migrations.ts";
import { selectRoutines } from "../common/catalog/routines.sql.ts";
import { lookFrom, selectExtensionNames, selectNames } from "../common/catalog/scope.sql.ts";
import { routineIn } from "../common/emit/emit-schema.ts";
import { homeName, renameHome } from "../common/emit/home.ts";
import { createRoutine } from "../common/emit/objects.ts";
import { id } from "../common/emit/quote.ts";
import { type MigrationFile, migrationFailed } from "../common/migration-file.ts";
import { extensionSchema } from "../common/names.ts";
import { isAboutExtension } from "./extensions.ts";
import { searchPathOf } from "./schemas.sql.ts";

/**
 * Runs migrations as they are, although they may say `public.notes`: in the transaction of each file the environment's
 * schema is called `public`, which nobody else sees, since it has its own name again before the commit. A file without
 * a transaction can't be helped so: it finds the schema by the search path alone. What is an extension's lies elsewhere.
 */
export function asPublic(schema: string): MigrationWrap {
  return {
    async statements(client, file) {
      const names = new Set(await selectExtensionNames(client));
      const isOwn = (name: string) => !names.has(name);
      return file.statements
        .filter((statement) => !isAboutExtension(statement))
        .map(({ text, offset }) => ({ text: renameHome(text, [homeName, extensionSchema], isOwn), offset }));
    },
    async before(client, file) {
      if (!file.transactional) return;
      await client.query(`alter schema ${id(schema)} rename to ${homeName}`);
      await client.query(`set local search_path to ${searchPathOf(homeName)}`);
    },
    async after(client, file) {
      if (file.transactional) await client.query(`alter schema ${homeName} rename to ${id(schema)}`);
      await refuseOtherSchemas(client, file, schema);
      await settleRoutines(client, schema, file.transactional);
    },
  };
}

async function refuseOtherSchemas(client: pg.Client, file: MigrationFile, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_catalog.pg_namespace
     where nspowner = (select nspowner from pg_catalog.pg_namespace where nspname = $1) and nspname <> $1`,
    [schema],
  );
  if (!rows[0]) return;
  const reason = `it makes the schema ${rows[0].name}, and at the level schema an environment has one schema alone`;
  throw migrationFailed(file.migration, file.statements[0]?.offset ?? 0, reason, {
    remedy: "Make everything in the schema public, or move the tenant to the level database.",
  });
}

/** Bodies and settings are plain text, which the new name hasn't reached. */
async function settleRoutines(client: pg.Client, schema: string, local: boolean): Promise<void> {
  if (!local) await client.query("begin");
  const path = [schema, extensionSchema];
  await lookFrom(client, path);
  const scope = { client, home: schema, schemas: [schema] };
  const names = new Set(await selectNames(scope));
  await client.query("set local check_function_bodies to off");
  for (const { node, age, ...routine } of await selectRoutines(scope)) {
    const plain = { ...routine, schema: undefined, body: routine.body ?? undefined, comment: undefined };
    const settled = routineIn(plain, path, (name) => names.has(name));
    const [before] = createRoutine(plain);
    const [after] = createRoutine(settled);
    if (before !== after) await client.query(after!);
  }
  if (!local) await client.query("commit");
}

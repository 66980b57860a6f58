import pg from "pg";
import type { Catalog } from "../common/catalog/catalog.ts";
import { extensionSchema, ledgerSchema } from "../common/names.ts";
import type { Session } from "../common/session.ts";

const id = pg.escapeIdentifier;

/** How far its making has come: the schema of ledgers comes last but one, the table of forms last. */
export async function stateOfContainer(inside: Session): Promise<"begun" | "filled" | "finished"> {
  const rows = await inside.read<{ filled: boolean; finished: boolean }>(
    `select exists (select from pg_namespace where nspname = $1) as filled,
       exists (select from pg_tables where schemaname = $1 and tablename = 'forms') as finished`,
    [ledgerSchema],
  );
  const { filled, finished } = rows[0]!;
  return finished ? "finished" : filled ? "filled" : "begun";
}

/** There is no schema `public`: while an environment is migrated, its own is called so. */
export async function createExtensionSchema(inside: Session): Promise<void> {
  await inside.change(`
    drop schema if exists public;
    create schema if not exists ${extensionSchema};
    grant usage on schema ${extensionSchema} to public`);
}

export async function createForms(inside: Session): Promise<void> {
  await inside.change(
    `create table ${ledgerSchema}.forms (blueprint text primary key, catalog jsonb not null)`,
  );
}

/** What the blueprint of that name holds. */
export async function selectForm(inside: Session, blueprint: string): Promise<Catalog | undefined> {
  const rows = await inside.read<{ catalog: Catalog }>(
    `select catalog from ${ledgerSchema}.forms where blueprint = $1`,
    [blueprint],
  );
  return rows[0]?.catalog;
}

export async function insertForm(inside: Session, blueprint: string, catalog: Catalog): Promise<void> {
  await inside.change(
    `insert into ${ledgerSchema}.forms values ($1, $2) on conflict (blueprint) do update set catalog = excluded.catalog`,
    [blueprint, JSON.stringify(catalog)],
  );
}

/** Whether there is such an extension, and whether one who isn't a superuser may install it. */
export async function selectExtension(
  inside: Session,
  name: string,
): Promise<{ installed: boolean; trusted: boolean } | undefined> {
  const rows = await inside.read<{ installed: boolean; trusted: boolean }>(
    `select bool_or(installed) as installed, bool_or(trusted) as trusted
     from pg_available_extension_versions where name = $1 having count(*) > 0`,
    [name],
  );
  return rows[0];
}

export async function createExtension(inside: Session, name: string): Promise<void> {
  await inside.change(`create extension if not exists ${id(name)} with schema ${extensionSchema} cascade`);
}

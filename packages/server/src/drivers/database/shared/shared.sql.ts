import pg from "pg";
import type { Catalog } from "../common/catalog/catalog.ts";
import type { EmittedShared } from "../common/emit/shared/emit-shared.ts";
import type { InstallationRoles } from "../common/names.ts";
import type { Session } from "../common/session.ts";

const id = pg.escapeIdentifier;

type Owned = { owner: string; roles: InstallationRoles };

export async function mayConnect(session: Session, name: string, role: string): Promise<boolean> {
  const rows = await session.read("select where has_database_privilege($1, $2, 'connect')", [role, name]);
  return rows.length > 0;
}

/** Drops all that the migrations made; the ledger stays, and says which ones the database holds. */
export async function emptyCopy(inside: Session, catalog: Catalog, { owner, roles }: Owned): Promise<void> {
  const made = catalog.objects.flatMap((object) => (object.kind === "schema" ? [object.name] : []));
  const schemas = new Set(["public", ...made, ...catalog.extensions.map(({ schema }) => schema)]);
  schemas.delete("pg_catalog");
  await inside.change(`
    drop schema if exists ${[...schemas].map(id).join(", ")} cascade;
    create schema public authorization ${id(owner)};
    grant usage on schema public to ${id(roles.data)};
    alter default privileges for role ${id(owner)} revoke all on sequences from ${id(roles.data)}`);
}

export async function createExtensions(
  inside: Session,
  extensions: EmittedShared["extensions"],
  { owner, roles }: Owned,
): Promise<void> {
  for (const { name, schema } of extensions) {
    if (schema !== "pg_catalog" && schema !== "public") {
      await inside.change(`
        create schema if not exists ${id(schema)} authorization ${id(owner)};
        grant usage on schema ${id(schema)} to ${id(roles.data)}`);
    }
    await inside.change(`create extension if not exists ${id(name)} schema ${id(schema)}`);
  }
}

/** Each environment's own numbers belong to the seal's owner; whoever inserts takes them by a function. */
export async function createCounters(
  inside: Session,
  statements: readonly string[],
  { owner, roles }: Owned,
): Promise<void> {
  await inside.change(`
    set role ${id(roles.seal)};
    ${statements.join(";\n")};
    grant execute on function tenantry.next_number(text) to ${id(roles.data)}, ${id(owner)};
    reset role`);
}

/** Where what is made looks for names: the application's home, and where its extensions are. */
export function searchPathOf({ extensions }: EmittedShared): string {
  return ["public", ...new Set(extensions.map(({ schema }) => schema))].map(id).join(", ");
}

/** Taken from PUBLIC on a server of ours. */
export async function letWriteFunctions(inside: Session, owner: string): Promise<void> {
  if (inside.superuser) await inside.change(`grant usage on language plpgsql to ${id(owner)}`);
}

/**
 * Functions that run with their owner's rights get one who may write rows and nothing else: the owner of the tables could
 * switch their policies off, by what a tenant gets such a function to execute.
 */
export async function handOverDefiners(
  inside: Session,
  { owner, writer }: { owner: string; writer: string },
): Promise<void> {
  const definers = await inside.read<{ name: string; schema: string }>(
    `select p.oid::regprocedure::text as name, n.nspname as schema
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where p.prosecdef and p.proowner = $1::regrole`,
    [id(owner)],
  );
  for (const { name, schema } of definers) {
    await inside.change(`
      grant create, usage on schema ${id(schema)} to ${id(writer)};
      alter routine ${name} owner to ${id(writer)};
      revoke create on schema ${id(schema)} from ${id(writer)}`);
  }
}

/** What each new environment begins with, and which ones have begun. */
export async function insertSeeds(
  inside: Session,
  seeds: readonly string[],
  roles: InstallationRoles,
): Promise<void> {
  await inside.change(`
    set role ${id(roles.seal)};
    create table tenantry.seed (ordinal int primary key, statement text not null);
    create table tenantry.admitted (environment uuid primary key);
    reset role`);
  for (const [ordinal, statement] of seeds.entries()) {
    await inside.change("insert into tenantry.seed values ($1, $2)", [ordinal, statement]);
  }
}

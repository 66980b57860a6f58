import { databaseErrorCode } from "../../../../infra/db/index.ts";
import type { DatabaseServer, SchemaForm } from "../../driver.ts";
import type { CatalogObject } from "../catalog/catalog.ts";
import type { Found } from "../catalog/order.ts";
import { selections } from "../catalog/read-catalog.ts";
import { selectSequences, selectTables } from "../catalog/relations.sql.ts";
import { lookFrom, type Reader, selectExtensions, selectSchemas } from "../catalog/scope.sql.ts";
import { selectSchemaObjects } from "../catalog/types.sql.ts";
import { reading } from "../reading.ts";
import type { Connect } from "../session.ts";
import { urlAs } from "../url.ts";
import { formOf } from "./form.ts";

/** Schemas of ours, in databases that environments share. */
const isOurs = (schema: string): boolean => /^tenantry(_|$)/.test(schema);

/**
 * Implements `DatabaseDriver.readForm` for a database with one schema that is home, or for the one schema `home` of it.
 * What isn't there has no things. As the database's own role: names are looked for where the application may have put
 * functions with the names of PostgreSQL's.
 */
export async function readForm(
  connect: Connect,
  server: DatabaseServer,
  login: { user: string; password: string; database: string },
  options: { home?: string; only?: boolean } = {},
): Promise<SchemaForm> {
  const url = urlAs(server.url, login);
  try {
    return await reading(connect, url, (client) => inSnapshot(client, options));
  } catch (error) {
    const { cause } = error as Error;
    if (databaseErrorCode(cause) === undefined || (await isThere(connect, server, login.database)))
      throw error;
    return {};
  }
}

function isThere(connect: Connect, server: DatabaseServer, name: string): Promise<boolean> {
  return reading(connect, server.url, async (client) => {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [name]);
    return rowCount === 1;
  });
}

async function inSnapshot(
  client: Reader,
  { home = "public", only = false }: { home?: string; only?: boolean },
): Promise<SchemaForm> {
  await client.query("begin isolation level repeatable read read only");
  const extensions = await selectExtensions(client);
  const schemas = only ? [home] : (await selectSchemas(client)).filter((schema) => !isOurs(schema));
  await lookFrom(client, [...new Set([home, ...extensions.map(({ schema }) => schema)])]);
  const scope = { client, home, schemas };
  const holdsExtension = new Set(extensions.map(({ schema }) => schema));
  // How far sequences have counted isn't asked, since it is left out of a form.
  const sequences = (await selectSequences(scope)) as (Found<CatalogObject> & Numbered)[];
  const found: (Found<CatalogObject> & Numbered)[] = [
    ...(await selectTables(scope)),
    ...sequences,
    ...(await selectSchemaObjects(scope)).filter(({ name }) => !holdsExtension.has(name)),
  ];
  for (const select of selections) found.push(...(await select(scope)));
  const objects = found.map((one) => withoutNumbers(one));
  return formOf({ extensions, objects }, home);
}

type Numbered = { oid?: number };

/** What tells things apart on one server alone. */
function withoutNumbers(thing: Found<CatalogObject> & Numbered): CatalogObject {
  const { node, age, oid, ...rest } = thing;
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)) as CatalogObject;
}

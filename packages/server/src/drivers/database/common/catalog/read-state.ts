import type { Catalog, TableRows } from "./catalog.ts";
import type { Dependency } from "./dependencies.sql.ts";
import { liftForce, selectForcedTables } from "./forced.sql.ts";
import { type Part, selectColumnIdentities, selectLabelIdentities } from "./identities.sql.ts";
import type { Known } from "./order.ts";
import { readObjects, readRest } from "./read-catalog.ts";
import { lookFrom, type Reader, type Scope, selectExtensions, selectSchemas } from "./scope.sql.ts";

/**
 * A catalog in which each thing can be told from all others before and after a statement: what is renamed keeps its node,
 * and its columns their numbers.
 */
export type State = {
  extensions: Catalog["extensions"];
  /** In an order in which they can be made. */
  known: Known[];
  /** By node: columns of tables and views, attributes of composite types, labels of enums. */
  parts: Map<string, Omit<Part, "node">[]>;
  dependencies: Dependency[];
};

/** Reads in the transaction that `client` is in, whose settings and rows stay as they are. */
export async function readState(client: Reader): Promise<State> {
  return lookingAround(client, async (scope, extensions) => {
    const { known, dependencies } = await readObjects(scope, extensions);
    const parts: State["parts"] = new Map();
    for (const part of [...(await selectColumnIdentities(scope)), ...(await selectLabelIdentities(scope))]) {
      const { node, ...rest } = part;
      const listed = parts.get(node);
      if (listed) listed.push(rest);
      else parts.set(node, [rest]);
    }
    return { extensions, known, parts, dependencies };
  });
}

/** The whole catalog of a state: with the rows that lie in its tables now. */
export async function withRows(client: Reader, state: State): Promise<Catalog> {
  const objects = state.known.map(({ object }) => object);
  const tables = objects.filter((object) => object.kind === "table");
  const rest = await lookingAround(
    client,
    async (scope): Promise<{ rows: TableRows[]; unsupported: Catalog["unsupported"] }> => {
      await liftForce(client, await selectForcedTables(client));
      return readRest(scope, tables);
    },
  );
  return { extensions: state.extensions, objects, ...rest };
}

async function lookingAround<Result>(
  client: Reader,
  look: (scope: Scope, extensions: Catalog["extensions"]) => Promise<Result>,
): Promise<Result> {
  await client.query("savepoint tenantry_look");
  const home = "public";
  const extensions = await selectExtensions(client);
  const schemas = await selectSchemas(client);
  await lookFrom(client, [...new Set([home, ...extensions.map(({ schema }) => schema)])]);
  const result = await look({ client, home, schemas }, extensions);
  await client.query("rollback to savepoint tenantry_look");
  await client.query("release savepoint tenantry_look");
  return result;
}

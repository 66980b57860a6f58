import type { Catalog, CatalogObject, IndexObject, TableObject, ViewObject } from "../../catalog/catalog.ts";
import type { Finding } from "../finding.ts";
import { createRoutine, createView, emitObject } from "../objects.ts";
import { needsGistOfScalars, sharedConstraint } from "./constraints.ts";
import { counterRows, counterStatements, withCounters } from "./counters.ts";
import { sharedFindings } from "./findings.ts";
import { lacksKey, type PrimaryKeys, primaryKeys, withGroupedKeys } from "./group-keys.ts";
import { type SealText, sharedIndex, spansEnvironments } from "./hidden-column.ts";
import { seedStatements } from "./seeds.ts";
import { sharedRoutine } from "./shared-routine.ts";
import { policyIsInForce, sealTable, sharedTable } from "./tables.ts";

export type EmittedShared = {
  /** To be there before: the application's, and what the hidden column needs. All go to the schema named. */
  extensions: { name: string; schema: string }[];
  /** To run first, as the owner of the schema `tenantry`: each environment's own numbers. */
  counters: string[];
  /** To run in one transaction with an empty `public` first in the path, as the role that is to own everything. */
  statements: string[];
  /** To run once for each environment, where it is entered. */
  seeds: string[];
  findings: Finding[];
};

/**
 * Writes down what it takes to hold a catalog for many environments in one database: each row has the hidden column
 * `tenantry_environment`, which every key begins with and every policy compares with who is asking. What can't be held
 * is among the findings as `refused`, and left out of the statements.
 */
export function emitShared(catalog: Catalog, seal: SealText): EmittedShared {
  const around = aroundOf(catalog.objects);
  const { tables } = around;
  return {
    extensions: extensionsFor(catalog),
    counters: [...counterStatements(seal), ...counterRows(catalog.objects)],
    statements: [
      "set local check_function_bodies to off",
      ...catalog.objects.flatMap((object) => sharedObject(object, around, seal)),
      ...tables.flatMap((table) => sealTable(table, seal)),
    ],
    seeds: seedStatements(catalog).statements,
    findings: sharedFindings(catalog),
  };
}

/** What has to be installed, beside the application's own. */
export function extensionsFor(catalog: Pick<Catalog, "extensions" | "objects">): EmittedShared["extensions"] {
  const own = catalog.extensions.map(({ name, schema }) => ({ name, schema }));
  const needed = catalog.objects.some((object) => object.kind === "constraint" && needsGistOfScalars(object));
  const lacking = needed && !own.some(({ name }) => name === "btree_gist");
  return lacking ? [...own, { name: "btree_gist", schema: "public" }] : own;
}

/** What a thing is made among: tables, and what each is known by. */
export type Around = { tables: readonly TableObject[]; keys: PrimaryKeys };

export function aroundOf(objects: readonly CatalogObject[]): Around {
  const tables = objects.filter((object): object is TableObject => object.kind === "table");
  return { tables, keys: primaryKeys(objects) };
}

/** Statements that make one thing for many environments; a table is sealed by itself. */
export function sharedObject(object: CatalogObject, { tables, keys }: Around, seal: SealText): string[] {
  switch (object.kind) {
    case "table":
      return object.inherits.length > 0 ? [] : sharedTable(object, seal);
    case "constraint":
      return /^SET /.test(object.foreignKey?.onUpdate ?? "") ? [] : sharedConstraint(object);
    case "index":
      return tables.some((table) => isOf(object, table)) ? createSharedIndex(object) : [];
    case "view":
      return lacksKey(object, keys) ? [] : sharedView(object, keys);
    case "function":
    case "procedure":
      return lacksKey(object, keys) ? [] : createRoutine(sharedRoutine(object, keys));
    case "default":
      return emitObject({ ...object, expression: withCounters(object.expression) });
    case "policy":
      return policyIsInForce(object, tables) && object.roles.length === 0 ? emitObject(object) : [];
    case "materialized-view":
    case "sequence":
      return [];
    default:
      return emitObject(object);
  }
}

const isOf = ({ table }: IndexObject, { schema, name }: TableObject): boolean =>
  table.schema === schema && table.name === name;

/** A unique index is unique within an environment; others that sort are read one environment at a time. */
function createSharedIndex(index: IndexObject): string[] {
  return spansEnvironments(index) ? [] : emitObject(sharedIndex(index));
}

/** With the rights of who asks: else it would be read with its owner's. */
export function sharedView(view: ViewObject, keys: PrimaryKeys): string[] {
  const options = view.options.filter((option) => !option.startsWith("security_invoker="));
  const definition = withGroupedKeys(view.definition, keys);
  return createView({ ...view, definition }, ["security_invoker=true", ...options]);
}

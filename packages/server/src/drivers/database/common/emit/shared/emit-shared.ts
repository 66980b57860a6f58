import type { Catalog, CatalogObject, IndexObject, TableObject, ViewObject } from "../../catalog/catalog.ts";
import type { Finding } from "../finding.ts";
import { createIndex, createRoutine, createView, emitObject } from "../objects.ts";
import { needsGistOfScalars, sharedConstraint } from "./constraints.ts";
import { counterRows, counterStatements, withCounters } from "./counters.ts";
import { sharedFindings } from "./findings.ts";
import { type SealText, withHiddenColumn } from "./hidden-column.ts";
import { sharedRoutine } from "./routines.ts";
import { seedStatements } from "./seeds.ts";
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
  const tables = catalog.objects.filter((object): object is TableObject => object.kind === "table");
  return {
    extensions: extensionsFor(catalog),
    counters: [...counterStatements(seal), ...counterRows(catalog.objects)],
    statements: [
      "set local check_function_bodies to off",
      ...catalog.objects.flatMap((object) => sharedObject(object, tables, seal)),
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

/** Statements that make one thing for many environments; a table is sealed by itself. */
export function sharedObject(
  object: CatalogObject,
  tables: readonly TableObject[],
  seal: SealText,
): string[] {
  switch (object.kind) {
    case "table":
      return object.inherits.length > 0 ? [] : sharedTable(object, seal);
    case "constraint":
      return /^SET /.test(object.foreignKey?.onUpdate ?? "") ? [] : sharedConstraint(object);
    case "index":
      return tables.some((table) => isOf(object, table)) ? sharedIndex(object) : [];
    case "view":
      return object.reliesOnKey ? [] : sharedView(object);
    case "function":
    case "procedure":
      return object.reliesOnKey ? [] : createRoutine(sharedRoutine(object));
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
function sharedIndex(index: IndexObject): string[] {
  return createIndex(index, index.method === "btree" ? withHiddenColumn(index.definition) : index.definition);
}

/** With the rights of who asks: else it would be read with its owner's. */
export function sharedView(view: ViewObject): string[] {
  const options = view.options.filter((option) => !option.startsWith("security_invoker="));
  return createView(view, ["security_invoker=true", ...options]);
}

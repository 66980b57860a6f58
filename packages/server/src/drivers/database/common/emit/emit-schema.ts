import type { Catalog, CatalogObject, RoutineObject } from "../catalog/catalog.ts";
import { describe } from "./describe.ts";
import type { Finding } from "./finding.ts";
import { namesHomeInStrings, renameHome, settingWithHome } from "./home.ts";
import { emitObject } from "./objects.ts";
import { id, reference } from "./quote.ts";
import { insertRows, setSequences } from "./rows.ts";

export type EmittedSchema = {
  /** To run in one transaction, in an empty schema, as the role that is to own everything. */
  statements: string[];
  findings: Finding[];
};

/** Writes down what it takes to make everything of a catalog in one schema; extensions are there already. */
export function emitSchema(
  catalog: Catalog,
  options: { schemaName: string; extensionSchemas: readonly string[] },
): EmittedSchema {
  const { schemaName, extensionSchemas } = options;
  const path = [schemaName, ...extensionSchemas];
  const isOwn = namesAtHome(catalog);
  const objects = catalog.objects
    .filter((object) => isAtHome(object))
    .map((object) => (isRoutine(object) ? routineIn(object, path, isOwn) : object));
  const rows = catalog.rows
    .filter(({ table }) => table.schema === undefined)
    .flatMap((each) => insertRows(each));
  const firstAfterRows = objects.findIndex(comesAfterRows);
  const at = firstAfterRows === -1 ? objects.length : firstAfterRows;
  return {
    statements: [
      `set local search_path to ${path.map(id).join(", ")}`,
      "set local check_function_bodies to off",
      ...objects.slice(0, at).map(unforced).flatMap(emitObject),
      ...rows,
      ...setSequences(objects),
      ...objects.slice(at).map(unforced).flatMap(emitObject),
      ...refreshes(objects),
      ...forcing(objects),
    ],
    findings: schemaFindings(catalog),
  };
}

function namesAtHome(catalog: Catalog): (name: string) => boolean {
  const named = catalog.objects.filter((object) => "name" in object && isAtHome(object));
  const names = new Set(named.map((object) => ("name" in object ? object.name : "")));
  return (name) => names.has(name);
}

function comesAfterRows(object: CatalogObject): boolean {
  if (object.kind === "constraint") return object.type === "foreign" || !object.validated;
  return object.kind === "trigger" || object.kind === "policy";
}

function refreshes(objects: readonly CatalogObject[]): string[] {
  return objects.flatMap((object) =>
    object.kind === "materialized-view" && object.populated
      ? [`refresh materialized view ${reference(object)}`]
      : [],
  );
}

/** Policies that bind the owner, too, wait until it has put in the rows. */
const unforced = (object: CatalogObject): CatalogObject =>
  object.kind === "table" && object.rowSecurity === "forced" ? { ...object, rowSecurity: "on" } : object;

const forcing = (objects: readonly CatalogObject[]): string[] =>
  objects.flatMap((object) =>
    object.kind === "table" && object.rowSecurity === "forced"
      ? [`alter table ${reference(object)} force row level security`]
      : [],
  );

const isRoutine = (object: CatalogObject): object is RoutineObject =>
  object.kind === "function" || object.kind === "procedure";

/**
 * A routine whose own text names the home schema finds its things in the first schema of the path, and extensions'
 * things in the last.
 */
export function routineIn(
  routine: RoutineObject,
  path: readonly string[],
  isOwn: (name: string) => boolean,
): RoutineObject {
  return {
    ...routine,
    body: routine.body === undefined ? undefined : renameHome(routine.body, path, isOwn),
    settings: routine.settings.map((setting) => settingWithHome(setting, path)),
  };
}

function isAtHome(object: CatalogObject): boolean {
  if (object.kind === "schema") return false;
  return ("table" in object ? object.table.schema : object.schema) === undefined;
}

/** What the level `schema` doesn't hold as it is. */
export function schemaFindings(catalog: Catalog): Finding[] {
  const found: Finding[] = catalog.unsupported.map(({ kind, name }) => ({
    object: `${kind} ${name}`,
    level: "schema",
    severity: "refused",
    problem: `A schema of its own can't be given this ${kind}.`,
    remedy: "Do without it, or use the level database.",
  }));
  for (const object of catalog.objects) {
    if (!isAtHome(object)) {
      if (object.kind === "schema") found.push(otherSchema(object.name));
      continue;
    }
    if (isRoutine(object) && object.body !== undefined && namesHomeInStrings(object.body)) {
      found.push({
        object: describe(object),
        level: "schema",
        severity: "differs",
        problem: "It puts a statement together at run time that names the schema public, which isn't there.",
        remedy: "Leave the schema's name out of the statement.",
      });
    }
    if (object.kind === "policy" && object.roles.length > 0) {
      found.push({
        object: describe(object),
        level: "schema",
        severity: "refused",
        problem: `It is for the role ${object.roles.join(", ")}, which no environment has.`,
        remedy: "Make the policy for PUBLIC.",
      });
    }
  }
  return found;
}

function otherSchema(name: string): Finding {
  return {
    object: `schema ${name}`,
    level: "schema",
    severity: "refused",
    problem: "An environment has one schema at this level, and the application makes a second one.",
    remedy: "Make everything in the schema public, or use the level database.",
  };
}

import type { CatalogObject, Place } from "../../../catalog/catalog.ts";
import type { Known } from "../../../catalog/order.ts";
import { id, reference } from "../../quote.ts";
import { policyIsInForce } from "../tables.ts";
import { columnsOf, type Delta, isPairOf, tablesOf } from "./delta.ts";

/** Statements that take away what is gone, whatever relied on it first. */
export function drops(delta: Delta, attached: ReadonlySet<string>): string[] {
  const goneTables = new Set(
    delta.dropped.flatMap(({ object }) => (object.kind === "table" ? [reference(object)] : [])),
  );
  const isGone = (place: Place): boolean => goneTables.has(reference(place));
  const backwards = delta.dropped.toReversed().filter(({ object }) => {
    // A partition's keys and indexes become part of the table's when it joins.
    const own = "table" in object && attached.has(delta.tableBefore(object.table) ?? "");
    return !(own && (object.kind === "constraint" || object.kind === "index" || object.kind === "trigger"));
  });
  const [parts, wholes] = [backwards.filter(isPart), backwards.filter((known) => !isPart(known))];
  const tables = tablesOf(delta.before);
  return [
    ...parts.flatMap(({ object }) => {
      const points = object.kind === "constraint" && object.type === "foreign";
      if ("table" in object && isGone(object.table) && !points) return [];
      if (object.kind === "policy" && (!policyIsInForce(object, tables) || object.roles.length > 0))
        return [];
      return dropOne(object);
    }),
    ...droppedColumns(delta),
    ...wholes.flatMap(({ object }) => dropOne(object)),
  ];
}

/** What goes before columns and tables do. */
function isPart({ object }: Known): boolean {
  if (object.kind === "function" || object.kind === "procedure") return object.body === undefined;
  return "table" in object || object.kind === "view" || object.kind === "statistics";
}

function dropOne(object: CatalogObject): string[] {
  switch (object.kind) {
    case "constraint": {
      const table = `alter table ${reference(object.table)} drop constraint`;
      const whole = object.foreignKey?.matchFull ? [`${table} if exists ${id(`${object.name}_full`)}`] : [];
      return [`${table} ${id(object.name)}`, ...whole];
    }
    case "trigger":
    case "policy":
      return [`drop ${object.kind} ${id(object.name)} on ${reference(object.table)}`];
    case "index":
      return [`drop index ${reference(object)}`];
    case "function":
    case "procedure":
      return [`drop ${object.kind} ${reference(object)}(${object.arguments})`];
    case "enum":
    case "composite":
    case "range":
      return [`drop type ${reference(object)}`];
    case "schema":
      return [`drop schema ${id(object.name)}`];
    case "table":
    case "view":
    case "domain":
    case "statistics":
      return [`drop ${object.kind} ${reference(object)}`];
    default:
      return [];
  }
}

function droppedColumns(delta: Delta): string[] {
  return delta.kept.flatMap((pair) => {
    if (!isPairOf(pair, "table")) return [];
    const { before, after } = columnsOf(delta, pair);
    const gone = [...before].filter(([number, column]) => !after.has(number) && column.local);
    // One that is computed from another goes before that one.
    gone.sort(([, one], [, other]) => Number(Boolean(other.generated)) - Number(Boolean(one.generated)));
    return gone.map(([, column]) => `alter table ${reference(pair.before)} drop column ${id(column.name)}`);
  });
}

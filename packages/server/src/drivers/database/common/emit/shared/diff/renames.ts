import type { CatalogObject, ConstraintObject, Place } from "../../../catalog/catalog.ts";
import { homeName } from "../../home.ts";
import { id, reference, text } from "../../quote.ts";
import { type Delta, isPairOf, type Pair } from "./delta.ts";

/** Statements that call things as they are called now; rows and what relies on them stay. */
export function renames(delta: Delta): string[] {
  return [...delta.kept.flatMap(renamedThing), ...delta.kept.flatMap((pair) => renamedParts(delta, pair))];
}

/** How a statement about a thing of that kind begins. */
function wordsFor(object: CatalogObject): string | undefined {
  switch (object.kind) {
    case "table":
    case "view":
    case "index":
    case "domain":
    case "statistics":
      return object.kind;
    case "enum":
    case "composite":
    case "range":
      return "type";
    case "function":
    case "procedure":
      return object.kind;
    default:
      return undefined;
  }
}

function renamedThing(pair: Pair): string[] {
  if (isPairOf(pair, "constraint")) return renamedConstraint(pair);
  const words = wordsFor(pair.after);
  if (!words) return [];
  const [before, after] = [pair.before as Place, pair.after as Place];
  const args = "arguments" in before ? `(${before.arguments})` : "";
  const called = (place: Place) => `alter ${words} ${reference(place)}${args}`;
  const statements: string[] = [];
  // An index lies where its table lies.
  if (before.schema !== after.schema && words !== "index") {
    statements.push(`${called(before)} set schema ${id(after.schema ?? homeName)}`);
  }
  if (before.name !== after.name) {
    statements.push(`${called({ schema: after.schema, name: before.name })} rename to ${id(after.name)}`);
  }
  return statements;
}

function renamedConstraint({ before, after }: Pair<ConstraintObject>): string[] {
  if (before.name === after.name) return [];
  const alter = `alter table ${reference(after.table)} rename constraint`;
  const whole = after.foreignKey?.matchFull && after.foreignKey.columns.length > 1;
  return [
    `${alter} ${id(before.name)} to ${id(after.name)}`,
    ...(whole ? [`${alter} ${id(`${before.name}_full`)} to ${id(`${after.name}_full`)}`] : []),
  ];
}

function renamedParts(delta: Delta, pair: Pair): string[] {
  const [earlier, later] = [delta.before.parts.get(pair.node), delta.after.parts.get(pair.node)];
  if (!earlier || !later || !("name" in pair.after)) return [];
  const names = new Map(later.map(({ number, name }) => [number, name]));
  return earlier.flatMap(({ number, name }) => {
    const now = names.get(number);
    if (now === undefined || now === name) return [];
    const thing = reference(pair.after as Place);
    if (pair.after.kind === "enum") return [`alter type ${thing} rename value ${text(name)} to ${text(now)}`];
    if (pair.after.kind === "composite")
      return [`alter type ${thing} rename attribute ${id(name)} to ${id(now)}`];
    // The table that it is a partition of brings the new name.
    const inherited =
      isPairOf(pair, "table") && !pair.after.columns.find((column) => column.name === now)!.local;
    return inherited ? [] : [`alter table ${thing} rename column ${id(name)} to ${id(now)}`];
  });
}

import type { CatalogObject } from "../catalog/catalog.ts";
import { reference } from "./quote.ts";

/** A thing as findings call it. */
export function describe(object: CatalogObject): string {
  switch (object.kind) {
    case "schema":
      return `schema ${object.name}`;
    case "default":
      return `default of ${reference(object.table)}.${object.column}`;
    case "constraint":
    case "trigger":
    case "policy":
      return `${object.kind} ${object.name} of ${reference(object.table)}`;
    case "function":
    case "procedure":
      return `${object.kind} ${reference(object)}(${object.arguments})`;
    case "materialized-view":
      return `materialized view ${reference(object)}`;
    case "enum":
    case "composite":
    case "range":
      return `type ${reference(object)}`;
    default:
      return `${object.kind} ${reference(object)}`;
  }
}

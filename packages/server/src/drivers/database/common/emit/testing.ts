import type { Catalog, CatalogObject } from "../catalog/catalog.ts";
import { describe } from "./describe.ts";

/** A catalog without what may differ between two schemas that hold the same: the order, and the home schema's name. */
export function comparable(catalog: Catalog, home?: string) {
  const plain = (value: unknown): unknown => {
    const json = JSON.stringify(value);
    return JSON.parse(
      home
        ? json
            .replaceAll(`\\"${home}\\"`, "public")
            .replaceAll(home, "public")
            .replaceAll("public, public", "public")
        : json,
    );
  };
  const objects = Object.fromEntries(
    catalog.objects.map((object): [string, unknown] => [describe(object), plain(object as CatalogObject)]),
  );
  const rows = Object.fromEntries(catalog.rows.map((each) => [each.table.name, plain(each.rows)]));
  return { objects, rows, unsupported: catalog.unsupported };
}

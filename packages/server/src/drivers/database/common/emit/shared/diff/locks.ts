import type { State } from "../../../catalog/read-state.ts";
import { reference } from "../../quote.ts";
import { deltaOf, differ } from "./delta.ts";

export type LockMode = "exclusive" | "share";

/** Nodes of tables that were there before and that the change concerns: `share` where reading may go on. */
export function touched(before: State, after: State): Map<string, LockMode> {
  const delta = deltaOf(before, after);
  const found = new Map<string, LockMode>();
  const take = (node: string | undefined, mode: LockMode) => {
    if (node !== undefined && found.get(node) !== "exclusive") found.set(node, mode);
  };
  for (const pair of delta.kept) {
    if (!differ(pair.before, pair.after)) continue;
    if (pair.after.kind === "table") take(pair.node, "exclusive");
    else if ("table" in pair.after) take(delta.tableAfter(pair.after.table), "exclusive");
  }
  for (const { node, object } of delta.dropped) {
    if (object.kind === "table") take(node, "exclusive");
    else if ("table" in object) take(delta.tableBefore(object.table), "exclusive");
  }
  for (const { object } of delta.created) {
    if (object.kind === "table" && object.partitionOf)
      take(delta.tableAfter(object.partitionOf.parent), "exclusive");
    if (!("table" in object)) continue;
    take(delta.tableAfter(object.table), object.kind === "index" ? "share" : "exclusive");
    if (object.kind === "constraint" && object.foreignKey) {
      take(delta.tableAfter(object.foreignKey.target), "exclusive");
    }
  }
  for (const name of changedDefaults(before, after)) {
    take(
      before.known.find(({ object }) => object.kind === "table" && reference(object) === name)?.node,
      "exclusive",
    );
  }
  return found;
}

/** Tables of which a default is another one. */
function changedDefaults(before: State, after: State): Set<string> {
  const listed = (state: State) =>
    new Map(
      state.known.flatMap(({ object }) =>
        object.kind === "default" ? [[JSON.stringify(object), reference(object.table)] as const] : [],
      ),
    );
  const [earlier, later] = [listed(before), listed(after)];
  const one = [...earlier].filter(([key]) => !later.has(key));
  const other = [...later].filter(([key]) => !earlier.has(key));
  return new Set([...one, ...other].map(([, table]) => table));
}

import type { FuncCall, Node } from "@pgsql/types";
import { aggregates, windowFunctions } from "./aggregates.ts";
import { type Call, functionNameOf } from "./arguments.ts";
import { functions } from "./functions.ts";
import { unsupported, wrong } from "./refusal.ts";
import type { Scope, Translation, Typed } from "./translation.ts";
import { bool } from "./types.ts";

export type Ordering = { orderBy(nodes: readonly Node[]): string; window(node: FuncCall): string };

/** A call of a function, an aggregate or a window function. */
export function call(t: Translation, scope: Scope, node: FuncCall, ordering: Ordering): Typed {
  const called = functionNameOf(node);
  const given = node.args ?? [];
  const own: Call = { t, scope, node, given };
  if (node.agg_within_group || node.func_variadic) throw unsupported(`This form of ${called}()`, node);
  const window = node.over ? ` over (${ordering.window(node)})` : "";
  if (Object.hasOwn(aggregates, called)) {
    assertArguments(called, given, node.agg_star ? 0 : 1, node);
    const aggregate = aggregates[called]!(own);
    const order = node.agg_order && aggregate.orders ? ` order by ${ordering.orderBy(node.agg_order)}` : "";
    const filter = node.agg_filter ? ` filter (where ${t.expression(scope, node.agg_filter, bool).sql})` : "";
    const sql = aggregate.sql(order) + filter + window;
    return { sql: aggregate.emptyIsNull ? `nullif(${sql}, '[]')` : sql, type: aggregate.type };
  }
  if (window && Object.hasOwn(windowFunctions, called)) {
    const { sql, type } = windowFunctions[called]!(own);
    return { sql: sql + window, type };
  }
  if (!Object.hasOwn(functions, called) || window) {
    throw unknownFunction(called, node, window !== "");
  }
  return functions[called]!(own);
}

function unknownFunction(called: string, node: FuncCall, windowed: boolean): Error {
  return unsupported(windowed ? `${called}() over a window` : `The function ${called}()`, node);
}

function assertArguments(called: string, given: readonly Node[], least: number, node: FuncCall): void {
  if (given.length < least) throw wrong("42883", `function ${called}() does not exist`, node);
}

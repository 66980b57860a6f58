import type { IndexObject, Place, StatisticsObject } from "../../../catalog/catalog.ts";
import { emitObject } from "../../objects.ts";
import { reference, text } from "../../quote.ts";
import { columnStatistics, indexStatistics, jointStatistics } from "../../statistics.ts";
import { sharedIndex } from "../hidden-column.ts";
import { columnsOf, type Delta, isPairOf, type Pair } from "./delta.ts";
import type { Makers } from "./step.ts";

/**
 * Statements that follow how closely columns, and expressions of indexes, are sampled. What is sampled no more keeps what
 * was found before, of all environments' rows, which estimates go on telling: where the server lets us we take it away.
 */
export function statisticsChanges(delta: Delta, { clearsStatistics }: Makers): string[] {
  const clear = (which: string) => (clearsStatistics ? [clearStatistics(which)] : []);
  return delta.kept.flatMap((pair) => {
    if (isPairOf(pair, "index")) return ofIndex(pair, clear);
    if (!isPairOf(pair, "table")) return [];
    const { before, after } = columnsOf(delta, pair);
    return [...after].flatMap(([number, column]) => {
      const was = before.get(number);
      const statements = columnStatistics(pair.after, column, was);
      const closed = statements.length > 0 && was && column.statistics === 0;
      return closed ? [...statements, ...clear(ofColumn(pair.after, column.name))] : statements;
    });
  });
}

function ofIndex(pair: Pair<IndexObject>, clear: (which: string) => string[]): string[] {
  const [was, now] = [sharedIndex(pair.before), sharedIndex(pair.after)];
  const closed = now.statistics.filter(({ column, target }) => {
    return target === 0 && !was.statistics.some((each) => each.column === column && each.target === 0);
  });
  return [...indexStatistics(now, was), ...closed.flatMap(({ column }) => clear(ofExpression(now, column)))];
}

/** Made anew it has nothing that was found before. */
export function jointStatisticsChanges({ before, after }: Pair<StatisticsObject>): string[] {
  if (after.target !== 0 || before.target === 0) return jointStatistics(after, before);
  return [`drop statistics ${reference(after)}`, ...emitObject(after)];
}

const oidOf = (place: Place): string => `${text(reference(place))}::pg_catalog.regclass`;

const ofColumn = (table: Place, name: string): string =>
  `c.oid = ${oidOf(table)} and a.attname = ${text(name)}`;

/** What is said of an index is said of its partitions'. */
const ofExpression = (index: Place, column: number): string =>
  `(c.oid = ${oidOf(index)} or c.oid in (select relid from pg_catalog.pg_partition_tree(${oidOf(index)})))
     and a.attnum = ${column}`;

const clearStatistics = (which: string): string =>
  `select pg_catalog.pg_clear_attribute_stats(n.nspname::text, c.relname::text, a.attname::text, inherited)
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_attribute a on a.attrelid = c.oid, (values (false), (true)) each (inherited)
     where ${which}`;

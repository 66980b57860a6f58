import type { Column, IndexObject, Place, StatisticsObject } from "../catalog/catalog.ts";
import { id, reference } from "./quote.ts";

/** What every version takes for the server's default. */
const byDefault = -1;

/** Statements that have a column sampled as closely as it is now; none when it was before. Its partitions have their own. */
export function columnStatistics(table: Place, now: Column, was?: Pick<Column, "statistics">): string[] {
  if (now.statistics === was?.statistics) return [];
  const alter = `alter table only ${reference(table)} alter column ${id(now.name)}`;
  return [`${alter} set statistics ${now.statistics ?? byDefault}`];
}

/** The same of an index's expressions. */
export function indexStatistics(now: IndexObject, was?: Pick<IndexObject, "statistics">): string[] {
  const earlier = new Map(was?.statistics.map(({ column, target }) => [column, target]));
  const later = new Map(now.statistics.map(({ column, target }) => [column, target]));
  return [...new Set([...earlier.keys(), ...later.keys()])].flatMap((column) => {
    const target = later.get(column);
    if (target === earlier.get(column)) return [];
    return [`alter index ${reference(now)} alter column ${column} set statistics ${target ?? byDefault}`];
  });
}

/** The same of what is sampled of several columns together. */
export function jointStatistics(now: StatisticsObject, was?: Pick<StatisticsObject, "target">): string[] {
  if (now.target === was?.target) return [];
  return [`alter statistics ${reference(now)} set statistics ${now.target ?? byDefault}`];
}

import type { SealText } from "../hidden-column.ts";

/**
 * Statements of one kind in the way from one version to the next. `owner`: the form of tables, once for all.
 * `migrator`: what only the run itself may do, counters and owners of functions. `environment`: rows, once for each
 * environment, entered.
 */
export type Step = { as: "owner" | "migrator" | "environment"; statements: string[] };

/** As whom things are made. */
export type Makers = {
  seal: SealText;
  owner: string;
  writer: string;
  /** The server lets a table's owner take away what was sampled of a column: from PostgreSQL 18 on. */
  clearsStatistics: boolean;
};

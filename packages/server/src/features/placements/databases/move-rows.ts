import {
  type ClosingPlace,
  compareRows,
  createRowsPrinter,
  type ImportedRows,
  type RowsPrint,
} from "../../../drivers/database/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { failure } from "../../../kernel/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { levelledTarget, rowsPlace, sourceOfRows, tellRows } from "./copy-rows.ts";
import { type DatabaseRow, selectDatabaseOf } from "./databases.sql.ts";
import { nowAndThen, pipeRows } from "./pipe-rows.ts";

/** So long may what was begun at a place go on when it is closed; milliseconds. */
const graceMs = 5_000;

export type RowsMoved = Pick<ImportedRows, "tables" | "rows" | "bytes"> & { print: RowsPrint };

/** Puts an environment's rows into its next place, which is brought to the same schema before. Repeatable. */
export async function moveRows(
  parts: PlacementParts,
  context: StepContext,
  environmentId: string,
): Promise<RowsMoved> {
  const source = await sourceOfRows(context.db, environmentId);
  const target = await levelledTarget(parts, context, source, await nextPlace(context, environmentId));
  const printer = createRowsPrinter();
  try {
    const { tables, rows, bytes } = await pipeRows(parts, context, {
      from: { level: source.level, place: await rowsPlace(parts, context.db, source, environmentId) },
      to: { level: target.level, place: await rowsPlace(parts, context.db, target, environmentId) },
      progress: tellRows(context, "copied"),
      seen: printer.write,
    });
    return { tables, rows, bytes, print: await printer.end() };
  } finally {
    await printer.abandon();
  }
}

/** Reads the next place's rows, and compares them with those that were taken. Throws `archive_damaged` where they differ. */
export async function verifyMoved(
  parts: PlacementParts,
  context: StepContext,
  { environmentId, print }: { environmentId: string; print: RowsPrint },
): Promise<{ tables: number; rows: number }> {
  const target = await nextPlace(context, environmentId);
  const place = await rowsPlace(parts, context.db, target, environmentId);
  const printer = createRowsPrinter();
  try {
    const progress = nowAndThen(tellRows(context, "compared"));
    const { exportRows } = requireDriver(parts.drivers, target.level);
    const { tables, rows } = await exportRows(context, place, { write: printer.write, progress });
    const differences = compareRows(print, await printer.end());
    if (differences.length === 0) return { tables, rows };
    throw failure("archive_damaged", {
      detail: differences.slice(0, 3).join(" "),
      remedy: "The tenant stays where it was. Try again, and report this if it happens again.",
    });
  } finally {
    await printer.abandon();
  }
}

async function nextPlace({ db }: StepContext, environmentId: string): Promise<DatabaseRow> {
  const target = await selectDatabaseOf(db, environmentId, "building");
  if (target) return target;
  throw failure("environment_unavailable", { detail: "Its new place isn't there." });
}

/** Closes the place where an environment lives, or opens it again; see the driver's `close`. Repeatable. */
export async function closePlace(parts: PlacementParts, context: StepContext, environmentId: string) {
  const { level, place } = await entrance(
    parts,
    context,
    await sourceOfRows(context.db, environmentId),
    environmentId,
  );
  await requireDriver(parts.drivers, level).close(context, place);
}

export async function reopenPlace(
  parts: PlacementParts,
  context: StepContext,
  environmentId: string,
  which: "current" | "building",
): Promise<void> {
  const database = await selectDatabaseOf(context.db, environmentId, which);
  if (!database) return;
  const { level, place } = await entrance(parts, context, database, environmentId);
  await requireDriver(parts.drivers, level).reopen(context, place);
}

async function entrance(
  parts: PlacementParts,
  { db }: StepContext,
  database: DatabaseRow,
  environmentId: string,
): Promise<{ level: string; place: ClosingPlace }> {
  const place = await rowsPlace(parts, db, database, environmentId);
  return { level: database.level, place: { ...place, graceMs } };
}

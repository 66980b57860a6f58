import type { ImportedRows, RowsPlace, RowsTally } from "../../../drivers/database/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";

/** How often somebody is told how far it is. */
const tellingMs = 1_000;

export type Progress = (tally: RowsTally, tables: number) => Promise<void>;
type End = { level: string; place: RowsPlace };
/** Is shown everything that goes through, and may keep it waiting. */
type Seen = (bytes: Uint8Array) => Promise<void>;

/** Puts the rows of one place into another: through memory, and no faster than they are taken. */
export async function pipeRows(
  { drivers }: Pick<PlacementParts, "drivers">,
  context: StepContext,
  { from, to, progress, seen }: { from: End; to: End; progress: Progress; seen?: Seen },
): Promise<ImportedRows> {
  const { exportRows } = requireDriver(drivers, from.level);
  const { importRows } = requireDriver(drivers, to.level);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  let unread = false;
  const write = async (bytes: Uint8Array) => {
    await seen?.(bytes);
    await writer.write(bytes).catch((error: unknown) => {
      unread = true;
      throw error;
    });
  };
  const writing = exportRows(context, from.place, { write, progress: nowAndThen(progress) })
    .then(() => writer.close())
    .catch(async (error: unknown) => {
      await writer.abort(error).catch(() => undefined);
      throw error;
    });
  const reading = importRows(context, to.place, readable).catch(async (error: unknown) => {
    // One that failed before it began to read keeps the other waiting else.
    await readable.cancel(error).catch(() => undefined);
    throw error;
  });
  const [written, read] = await Promise.allSettled([writing, reading]);
  context.signal.throwIfAborted();
  // Each end fails when the other does; the cause is where it began.
  if (written.status === "rejected" && !unread) throw written.reason;
  if (read.status === "rejected") throw read.reason;
  return read.value;
}

export function nowAndThen(progress: Progress): Progress {
  let toldAt = 0;
  return async (...told) => {
    if (Date.now() - toldAt < tellingMs) return;
    toldAt = Date.now();
    await progress(...told);
  };
}

import { type CopiedFiles, type CopyEnd, copyFiles } from "../../drivers/storage/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import type { StorageOn, StoragePlaces } from "./places.ts";

/** Where one environment's files are, as its placement says. */
export type StoredAt = { driver: string; serverId: string | null; physicalName: string };

/** How often somebody is told how far it is. */
const tellingMs = 1_000;

/**
 * Copies all files of one environment to another's, which its application doesn't use yet, by whatever keeps either of
 * them. Repeatable: an interrupted copy goes on where it was.
 */
export async function copyStorage(
  places: StoragePlaces,
  context: StepContext,
  between: { from: StoredAt; to: StoredAt },
): Promise<CopiedFiles> {
  const all = await places.all(context.db);
  const [from, to] = [endOf(all, between.from), endOf(all, between.to)];
  const { objects } = await from.driver.measure(from.physicalName);
  let toldAt = 0;
  return copyFiles(
    { from, to },
    {
      signal: context.signal,
      async progress(copied) {
        if (Date.now() - toldAt < tellingMs) return;
        toldAt = Date.now();
        const megabytes = Math.round(copied.bytes / 1e6).toLocaleString("en");
        const fraction = Math.min(1, copied.objects / Math.max(1, objects));
        await context.progress(fraction, `${copied.objects} of ${objects} files, ${megabytes} MB copied`);
      },
    },
  );
}

function endOf(all: readonly StorageOn[], { driver, serverId, physicalName }: StoredAt): CopyEnd {
  const found = all.find((one) => one.driver.driver === driver && one.serverId === serverId);
  if (found) return { driver: found.driver, physicalName };
  throw failure("storage_unavailable", {
    detail: `Nothing keeps files as ${driver} on that server any more.`,
  });
}

import { type CopiedFiles, type CopyEnd, copyFiles, type Ends } from "../../drivers/storage/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import type { StorageOn, StoragePlaces } from "./places.ts";

export type { CopiedFiles };

/** Where one environment's files are, as its placement says. */
export type StoredAt = { driver: string; serverId: string | null; physicalName: string };

/** How often somebody is told how far it is. */
const tellingMs = 1_000;

/** Where files come from and go to. */
export type Between = { from: StoredAt; to: StoredAt };

/**
 * Copies all files of one environment to where its application doesn't use them yet, another's or its own next place, by
 * whatever keeps either of them. Repeatable: an interrupted copy goes on where it was. With `follows` the other place is
 * brought to be the same, by what was put and deleted since an earlier copy.
 */
export async function copyStorage(
  places: StoragePlaces,
  context: StepContext,
  between: Between,
  { follows = false }: { follows?: boolean } = {},
): Promise<CopiedFiles> {
  const ends = await endsOf(places, context, between);
  const { from } = ends;
  // While visitors wait, nobody counts first what is to be looked at anyway.
  const objects = follows ? undefined : (await from.driver.measure(from.physicalName)).objects;
  let toldAt = 0;
  return copyFiles(ends, {
    ...{ signal: context.signal, follows },
    async progress(copied) {
      if (Date.now() - toldAt < tellingMs) return;
      toldAt = Date.now();
      const megabytes = Math.round(copied.bytes / 1e6).toLocaleString("en");
      const fraction = objects === undefined ? 0 : Math.min(1, copied.objects / Math.max(1, objects));
      const of = objects === undefined ? "" : ` of ${objects}`;
      await context.progress(fraction, `${copied.objects}${of} files, ${megabytes} MB copied`);
    },
  });
}

/** Both ends of a copy, with what reaches them. Throws `storage_unavailable` where nothing does any more. */
export async function endsOf(
  places: StoragePlaces,
  { db }: Pick<StepContext, "db">,
  { from, to }: Between,
): Promise<Ends> {
  const all = await places.all(db);
  return { from: endOf(all, from), to: endOf(all, to) };
}

function endOf(all: readonly StorageOn[], { driver, serverId, physicalName }: StoredAt): CopyEnd {
  const found = all.find((one) => one.driver.driver === driver && one.serverId === serverId);
  if (found) return { driver: found.driver, physicalName };
  throw failure("storage_unavailable", {
    detail: `Nothing keeps files as ${driver} on that server any more.`,
  });
}

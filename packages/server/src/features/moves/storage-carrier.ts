import { inTransaction } from "../../infra/db/index.ts";
import type { Waiting } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import type { Placements } from "../placements/index.ts";
import {
  admitStorage,
  type ComparedStorage,
  type CopiedFiles,
  carryLateFiles,
  compareStorage,
  copyStorage,
  lateUntil,
  type StoragePlaces,
} from "../storages/index.ts";
import { type Carrier, type Context, resultOf } from "./carrier.ts";

export type StorageCarrierParts = { placements: Placements; storage: StoragePlaces };

/**
 * Carries files: most of them while the environment is open, the rest when nobody puts any more. What somebody put all the
 * same, whom the old place can't keep out, goes after them before that place is removed.
 */
export function storageCarrier({ placements, storage }: StorageCarrierParts): Carrier {
  const things = (context: Context) => placements.thingsOf(context, context.environmentId!, "storage");
  return {
    kind: "storage",
    async check(db, { input, environmentId }) {
      const { to: level, serverId } = input.storage!;
      const wanted = { environmentId, level, serverId, region: input.region ?? undefined };
      await inTransaction(db, (tx) => storage.choose(tx, wanted));
    },
    async build(context) {
      const { region, storage: wanted } = context.input;
      const { current } = await things(context);
      await placements.placeStorage(context, {
        environmentId: context.environmentId!,
        ...{ level: wanted!.to, serverId: wanted!.serverId, near: current?.serverId, next: true },
        region: region ?? undefined,
      });
      return copyStorage(storage, context, await ends(context));
    },
    async close(context) {
      const { current } = await things(context);
      if (current?.admitted) await admitStorage(storage, context, current, false);
      return new Date().toISOString();
    },
    copy: async (context) => copyStorage(storage, context, await ends(context), { follows: true }),
    verify: async (context) => compareStorage(storage, context, await ends(context)),
    async reopen(context, which) {
      const { current } = await things(context);
      // The next place was made open. Of one whose tenant is suspended it is settled when the move has ended.
      if (which === "current" && current?.admitted) await admitStorage(storage, context, current, true);
    },
    late: carryLate,
    removeOthers: (context) =>
      placements.removePlacements(context, {
        ...{ environmentId: context.environmentId!, kind: "storage" },
        butCurrent: {},
      }),
  };

  async function ends(context: Context) {
    const { current: from, next: to } = await things(context);
    if (from && to) return { from, to };
    throw failure("environment_unavailable", { detail: "Its new place for files isn't there." });
  }

  async function carryLate(context: Context): Promise<Waiting | CopiedFiles> {
    const { youngestAt } = resultOf<ComparedStorage>(context, "verify", "storage")!;
    const closedAt = new Date(resultOf<string>(context, "close", "storage")!);
    const { current, last } = await things(context);
    const [from, to] = [last!, current!];
    const until = await lateUntil(storage, context, { place: from, closedAt });
    if (until > new Date())
      return { waitUntil: until, message: "Waiting for uploads that had begun before it was closed" };
    return carryLateFiles(storage, context, { from, to, youngestAt });
  }
}

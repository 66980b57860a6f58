import {
  type ComparedFiles,
  type CopiedFiles,
  compareFiles,
  copyFiles,
} from "../../drivers/storage/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { type Between, endsOf, type StoredAt } from "./copy-storage.ts";
import type { StoragePlaces } from "./places.ts";

/** So long an upload may go on that a store had begun to take when its key was taken away; milliseconds. */
const underWayMs = 5_000;

/** So long keys are good that are given for a time, if nobody asked for longer. */
const temporaryKeysMs = 900_000;

/** Lets an environment's application in where its files are, or shuts it out as far as the store can. Repeatable. */
export async function admitStorage(
  places: StoragePlaces,
  context: StepContext,
  place: StoredAt,
  admitted: boolean,
): Promise<void> {
  const { from } = await endsOf(places, context, { from: place, to: place });
  await from.driver.admit?.(place.physicalName, admitted, { signal: context.signal });
}

export type ComparedStorage = Omit<ComparedFiles, "differences">;

/** Throws `archive_damaged` unless both places hold the same files. Nobody may change either meanwhile. */
export async function compareStorage(
  places: StoragePlaces,
  context: StepContext,
  between: Between,
): Promise<ComparedStorage> {
  const { signal } = context;
  const { differences, ...compared } = await compareFiles(await endsOf(places, context, between), { signal });
  if (differences.length === 0) return compared;
  throw failure("archive_damaged", {
    detail: differences.join(" "),
    remedy: "The tenant stays where it was. Try again, and report this if it happens again.",
  });
}

/** Until when somebody may write at a place of files who was shut out at a time, or can't be. */
export async function lateUntil(
  places: StoragePlaces,
  context: StepContext,
  { place, closedAt }: { place: StoredAt; closedAt: Date },
): Promise<Date> {
  const { from } = await endsOf(places, context, { from: place, to: place });
  const isTemporary = "temporary" in from.driver.location(place.physicalName);
  return new Date(closedAt.getTime() + (isTemporary ? temporaryKeysMs : underWayMs));
}

/**
 * Copies what was put at an old place after it had been compared, by somebody who couldn't be kept out, unless something
 * younger stands under its key at the new one. Repeatable.
 */
export async function carryLateFiles(
  places: StoragePlaces,
  context: StepContext,
  { youngestAt, ...between }: Between & Pick<ComparedFiles, "youngestAt">,
): Promise<CopiedFiles> {
  const after = youngestAt === null ? Number.NEGATIVE_INFINITY : Date.parse(youngestAt);
  return copyFiles(await endsOf(places, context, between), {
    signal: context.signal,
    only: ({ modifiedAt }, there) =>
      modifiedAt.getTime() > after && !(there && there.modifiedAt.getTime() >= modifiedAt.getTime()),
  });
}

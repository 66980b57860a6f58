import type { CloudEvent } from "@tenantry/contract";
import { z } from "zod";
import { type Db, inTransaction, streamVersion, type Tx, type VersionWatch } from "../../infra/db/index.ts";
import { decodeCursor, encodeCursor } from "../../infra/http/index.ts";
import { failure } from "../../kernel/index.ts";
import { viewEvent } from "./event-view.ts";
import { type EventFilter, type EventPlace, selectEvents, selectOldestVersion } from "./events.sql.ts";

export type EventPage = {
  items: { event: CloudEvent; cursor: string }[];
  hasMore: boolean;
  /** Where the page ends: all that was visible, or its last event. */
  cursor: string;
};

export type Events = {
  /**
   * One page in order, the oldest kept first without a cursor. Throws `cursor_expired` when events that follow the
   * cursor were removed already, so that nobody misses one without knowing.
   */
  read(filter: EventFilter, page: { cursor: string | undefined; limit: number }): Promise<EventPage>;
  /** The cursor after everything that happened so far. */
  now(): Promise<string>;
  /** Pages from a cursor on, and again whenever something happens, until `signal` aborts. A page may be empty. */
  follow(filter: EventFilter, cursor: string, signal: AbortSignal): AsyncGenerator<EventPage>;
};

export type EventsDeps = {
  db: Db;
  versions: VersionWatch;
  /** The installation, as events name it. */
  source: string;
};

const placeShape = z.tuple([z.int().nonnegative(), z.int().nonnegative()]);
const followedAtOnce = 200;

export function createEvents({ db, versions, source }: EventsDeps): Events {
  /** One moment of the registry: nothing that is committed later has a version at or below the page's cursor. */
  const read: Events["read"] = (filter, { cursor, limit }) => {
    const asked = decodeCursor(cursor, placeShape);
    const readPage = async (tx: Tx): Promise<EventPage> => {
      const newest = await streamVersion(tx, "events");
      const after = await placeOf(tx, asked, newest);
      const rows = await selectEvents(tx, filter, after, limit + 1);
      const items = rows.slice(0, limit).map((row) => ({
        event: viewEvent(row, source),
        cursor: encodeCursor([row.version, row.ordinal]),
      }));
      const hasMore = rows.length > limit;
      return { items, hasMore, cursor: hasMore ? items.at(-1)!.cursor : encodeCursor(endOf(newest)) };
    };
    return inTransaction(db, readPage, { isolation: "repeatable read" });
  };

  return {
    read,
    now: async () => encodeCursor(endOf(await streamVersion(db, "events"))),
    async *follow(filter, start, signal) {
      let cursor = start;
      for await (const _version of versions.changes(signal)) {
        for (let hasMore = true; hasMore && !signal.aborted; ) {
          const page = await read(filter, { cursor, limit: followedAtOnce });
          ({ cursor, hasMore } = page);
          yield page;
        }
      }
    },
  };
}

/** After everything of a version. */
function endOf(version: number): EventPlace {
  return [version, 2 ** 31 - 1];
}

/** Versions follow each other without a gap, so that the oldest kept one says whether any is missing. */
async function placeOf(tx: Tx, asked: EventPlace | undefined, newest: number): Promise<EventPlace> {
  if (asked === undefined) return endOf(0);
  const oldest = (await selectOldestVersion(tx)) ?? newest + 1;
  if (asked[0] + 1 < oldest) throw failure("cursor_expired");
  if (asked[0] <= newest) return asked;
  throw failure("cursor_expired", {
    detail: "This cursor is from a later time than the registry, which was restored from a backup since.",
  });
}

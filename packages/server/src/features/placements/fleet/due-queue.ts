import type { Db } from "../../../infra/db/index.ts";
import { type DueDatabase, type FleetScope, type LaneOf, selectDue } from "./fleet.sql.ts";

/** So many are asked for at once; who is among them may have been removed by the time it is its turn. */
const askedAtOnce = 32;

/** The databases that an operation should migrate, handed out once each until it is known how they fared. */
export type DueQueue = {
  /** One on any server but those. */
  anywhere(full: readonly string[]): Promise<DueDatabase | undefined>;
  /** The next one for a lane. */
  of(lane: LaneOf): Promise<DueDatabase | undefined>;
  /** All that are known already for a lane. */
  take(lane: LaneOf): DueDatabase[];
  /** Noted in the registry as migrated or failed: it tells whether they are due again. */
  settled(ids: readonly string[]): void;
};

export function createDueQueue(db: Db, scope: FleetScope, operationId: string): DueQueue {
  const waiting = new Map<string, DueDatabase[]>();
  const out = new Set<string>();
  // One question at a time, since the answer to one is what the next leaves out.
  let asking: Promise<unknown> = Promise.resolve();
  const keyOf = ({ serverId, level }: LaneOf) => `${serverId} ${level}`;

  function ask(which: { full?: readonly string[]; only?: LaneOf }): Promise<void> {
    const asked = asking.then(async () => {
      const except = { operationId, busy: [...out], limit: askedAtOnce };
      for (const database of await selectDue(db, scope, { ...which, ...except })) {
        out.add(database.id);
        const key = keyOf(database);
        waiting.set(key, [...(waiting.get(key) ?? []), database]);
      }
    });
    asking = asked.catch(() => undefined);
    return asked;
  }

  function nextAnywhere(full: readonly string[]): DueDatabase | undefined {
    for (const line of waiting.values()) {
      if (line[0] && !full.includes(line[0].serverId)) return line.shift();
    }
    return undefined;
  }

  return {
    async anywhere(full) {
      const known = nextAnywhere(full);
      if (known) return known;
      await ask({ full });
      return nextAnywhere(full);
    },
    async of({ serverId, level }) {
      const only = { serverId, level };
      const key = keyOf(only);
      const known = waiting.get(key)?.shift();
      if (known) return known;
      await ask({ only });
      return waiting.get(key)?.shift();
    },
    take(lane) {
      return waiting.get(keyOf(lane))?.splice(0) ?? [];
    },
    settled(ids) {
      for (const id of ids) out.delete(id);
    },
  };
}

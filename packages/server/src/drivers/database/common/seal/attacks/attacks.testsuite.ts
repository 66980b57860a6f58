import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openArena, openStage, type Stage } from "../../../../../testing/attack-arena.ts";
import { type AttackGround, attackGround } from "../../../../../testing/attack-ground.ts";
import type { TestServer } from "../../../../../testing/database-servers.ts";
import { type At, type Attack, attacks, type Ground, type Level, outcomeAt } from "./index.ts";

/** Syntax, and names that don't exist: table, function, column, object. */
const slips = ["42601", "42P01", "42883", "42703", "42704"];

const players = ["application", "login"] as const;

/** Every attack of the list against environments on one server, level by level: each comes to what the list says. */
export function attackSuite(
  title: string,
  { ground, levels }: { ground: Ground; levels: readonly Level[] },
  open: () => Promise<TestServer>,
): void {
  describe(title, () => {
    let server: TestServer;
    let neighbours: TestServer | undefined;
    beforeAll(async () => {
      server = await open();
      if (levels.includes("dedicated")) neighbours = await open();
    });
    afterAll(async () => void (await Promise.all([server?.stop(), neighbours?.stop()])));

    describe.each(levels)("at %s", (level) => {
      let place: AttackGround;
      beforeAll(async () => {
        place = await attackGround(level, server, level === "dedicated" ? neighbours : undefined);
      });

      describe.each(players)("by the %s", (by) => {
        const at = { level, ground, by };
        const first = level === levels[0] && by === "application";
        const played = attacks.filter(
          (attack) => outcomeAt(attack, at) !== undefined && (first || !attack.bounded),
        );
        let stage: Stage;
        beforeAll(async () => {
          stage = await openStage(place, by);
        });
        afterAll(() => stage?.close());
        test.each(played.map((attack) => [`${attack.group}: ${attack.title}`, attack] as const))(
          "%s",
          (_title, attack) => playOut(stage, attack, at),
        );
      });

      test("verify finds nothing wrong, with logins that were given out, either", async () => {
        await place.own.giveLogin();
        expect(await place.verify()).toEqual([]);
      });
    });
  });
}

async function playOut(stage: Stage, attack: Attack, at: At): Promise<void> {
  const arena = await openArena(stage);
  let untouched = false;
  try {
    const seen = await attack.play(arena.attacker).then(
      (answer) => ({ answer, refused: undefined }),
      (error: { code?: string; message: string }) => ({ answer: undefined, refused: error }),
    );
    // An error of the database has a SQLSTATE; one of the test's own hasn't. A slip of the pen isn't a refusal.
    if (outcomeAt(attack, at) === "refused") {
      expect(seen.refused?.code, seen.refused?.message).toMatch(/^[0-9A-Z]{5}$/);
      expect(slips, seen.refused?.message).not.toContain(seen.refused?.code);
    } else expect(seen.refused?.message).toBeUndefined();
    expect(`${JSON.stringify(seen.answer)} ${seen.refused?.message}`).not.toContain("NEIGHBOUR");
    expect(await arena.neighboursRows()).toBe(arena.before);
    expect(await arena.attacker.neighbourBeside("select title from notes")).toEqual([
      { title: "NEIGHBOUR's note" },
    ]);
    untouched = true;
  } finally {
    await arena.close({ untouched });
  }
}

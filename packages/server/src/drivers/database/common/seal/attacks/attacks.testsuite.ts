import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openArena, openStage, type Stage } from "../../../../../testing/attack-arena.ts";
import type { TestServer } from "../../../../../testing/database-servers.ts";
import { type SealedDatabase, sealedDatabase } from "../../../../../testing/sealed-database.ts";
import type { SealStrategy } from "../index.ts";
import { attacks, type Ground, outcomeOn, playedBy } from "./index.ts";

/** Syntax, and names that don't exist: table, function, column, object. */
const slips = ["42601", "42P01", "42883", "42703", "42704"];

/** Every attack of the list against a sealed database of one server: each comes to what the list says. */
export function attackSuite(
  title: string,
  expected: { strategy: SealStrategy; ground: Ground },
  open: () => Promise<TestServer>,
): void {
  describe(title, () => {
    let server: TestServer;
    let sealed: SealedDatabase;
    beforeAll(async () => {
      server = await open();
      sealed = await sealedDatabase(server);
    });
    afterAll(() => server?.stop());

    test(`the strategy is "${expected.strategy}", and verify finds nothing wrong`, async () => {
      expect(sealed.strategy).toBe(expected.strategy);
      expect(await sealed.verify()).toEqual([]);
    });

    describe.each(["application", "login"] as const)("by the %s", (by) => {
      let stage: Stage;
      beforeAll(async () => {
        stage = await openStage(sealed, by);
      });
      afterAll(() => stage?.close());
      test.each(playedBy(attacks, by).map((attack) => [`${attack.group}: ${attack.title}`, attack] as const))(
        "%s",
        async (_title, attack) => {
          const arena = await openArena(stage);
          try {
            const before = await arena.neighboursRows();
            const seen = await attack.play(arena.attacker).then(
              (answer) => ({ answer, refused: undefined }),
              (error: { code?: string; message: string }) => ({ answer: undefined, refused: error }),
            );
            const outcome = outcomeOn(attack, expected.ground, by);
            // An error of the database has a SQLSTATE; one of the test's own hasn't. A slip of the pen isn't a refusal.
            if (outcome === "refused") {
              expect(seen.refused?.code, seen.refused?.message).toMatch(/^[0-9A-Z]{5}$/);
              expect(slips, seen.refused?.message).not.toContain(seen.refused?.code);
            } else expect(seen.refused?.message).toBeUndefined();
            expect(`${JSON.stringify(seen.answer)} ${seen.refused?.message}`).not.toContain("NEIGHBOUR");
            expect(await arena.neighboursRows()).toBe(before);
            expect(await arena.attacker.neighbourBeside("select title from notes")).toEqual([
              { title: "NEIGHBOUR's note" },
            ]);
          } finally {
            await arena.close();
          }
        },
      );
    });

    test("verify finds nothing wrong with the logins that were given out", async () => {
      await sealed.giveLogin(randomUUID());
      expect(await sealed.verify()).toEqual([]);
    });
  });
}

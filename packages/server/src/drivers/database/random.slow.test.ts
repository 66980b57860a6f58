import { expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer } from "../../testing/database-servers.ts";
import { compareAnswers, documentedDifferences } from "../../testing/proofs/compare.ts";
import { levelsOn } from "../../testing/proofs/levels.ts";
import { playSteps } from "../../testing/proofs/play.ts";
import { randomLater, randomSchema, randomStatements } from "../../testing/proofs/random-statements.ts";
import { schemaOf } from "./driver.testsuite.ts";

// By hand for long: FUZZ_SEEDS=200 npx vitest run --project slow <this file>
const seeds = Array.from({ length: Number(process.env.FUZZ_SEEDS ?? 3) }, (_, index) => 20_260 + index);

test("statements made at random are answered alike at database, schema and shared", {
  timeout: 1_800_000,
}, async () => {
  const postgres = await embeddedLikeServer();
  const levels = levelsOn(postgres.url);
  try {
    const documented = await documentedDifferences();
    const appId = newId();
    const schema = schemaOf(appId, randomSchema);
    const later = schemaOf(appId, randomSchema, randomLater);

    const made = async (level: "database" | "schema" | "shared") => {
      const home = await levels.build(level, schema);
      await home.migrate(later);
      return home;
    };
    const shared = await made("shared");

    for (const seed of seeds) {
      const steps = randomStatements(seed, 250);
      const expected = await playSteps(await (await made("database")).open(), steps);
      const succeeded = expected.filter(({ answer }) => !("code" in (answer as object)));
      expect(succeeded.length).toBeGreaterThan(60);
      const inSchema = await playSteps(await (await made("schema")).open(), steps);
      const inShared = await playSteps(await shared.open(), steps);
      const unlike = [
        ...compareAnswers(documented, "schema", expected, inSchema).unlike,
        ...compareAnswers(documented, "shared", expected, inShared).unlike,
      ];
      // What comes after the first one may follow from it.
      expect({ seed, first: unlike[0] }).toEqual({ seed, first: undefined });
    }
  } finally {
    await levels.close();
    await postgres.stop();
  }
});
